#!/usr/bin/env python3
"""Compares accuracy and speed of language identification with fastText's lid.176.ftz and whatlang.

    cargo build --release -p gristmill-text --example language_detect
    pip install zstandard fasttext-predict whatlang-pyo3
    GRISTMILL_DATA=... python3 benches/language.py --detect target/release/examples/language_detect

Prints for each set the share of texts whose language is found: of all texts, of those in languages
that the system ever returns on these sets ("known"), and of those in languages that all three know
("common"). Then it prints our worst languages, and megabytes per second of processor time on the
same texts. Norwegian `no` counts as Bokmål. `--web N` adds how often each system agrees with the
declared language of documents.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import time

import zstandard

# ISO 639-3 codes of the texts of the Universal Declaration, and the shorter codes of the systems.
SHORTER = dict(
    pair.split(":")
    for pair in """
    afr:af als:sq amh:am arb:ar arg:an asm:as azj:az bak:ba bel:be ben:bn bod:bo bos:bs bre:br
    bul:bg cat:ca ces:cs chv:cv cmn:zh cos:co cym:cy dan:da deu:de div:dv dzo:dz ekk:et ell:el
    eng:en epo:eo eus:eu fao:fo fin:fi fra:fr fry:fy gaz:om gla:gd gle:ga glg:gl glv:gv gug:gn
    guj:gu hat:ht hau:ha heb:he hin:hi hrv:hr hun:hu hye:hy ibo:ig ido:io ina:ia ind:id isl:is
    ita:it jav:jv jpn:ja kan:kn kat:ka kaz:kk khk:mn khm:km kin:rw kir:ky kmr:ku kor:ko lao:lo
    lat:la lim:li lin:ln lit:lt ltz:lb lug:lg lvs:lv mal:ml mar:mr mkd:mk mlt:mt mri:mi mya:my
    nbl:nr nld:nl nno:nn nob:nb npi:ne nya:ny oci:oc ory:or oss:os pan:pa pbu:ps pes:fa plt:mg
    pol:pl por:pt prs:fa roh:rm ron:ro rus:ru san:sa sin:si slk:sk slv:sl sme:se sna:sn snd:sd
    som:so sot:st spa:es src:sc srp:sr ssw:ss sun:su swe:sv swh:sw tam:ta tat:tt tel:te tgk:tg
    tgl:tl tha:th tir:ti tsn:tn tso:ts tuk:tk tur:tr uig:ug ukr:uk urd:ur uzn:uz ven:ve vie:vi
    wln:wa wol:wo xho:xh ydd:yi yor:yo zlm:ms zul:zu twi:ak
    """.split()
)
SAME = {"no": "nb", "nob": "nb", "iw": "he"}


def rows(path):
    with zstandard.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def ours(texts, command):
    data = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run(command, input=data, capture_output=True, text=True, check=True)
    seconds = float(done.stderr.rsplit("bytes, ", 1)[1].split(" s")[0])
    return [line.split("\t")[0] for line in done.stdout.splitlines()], seconds


def lid176(texts, path):
    import fasttext

    model = fasttext.load_model(str(path))
    start = time.process_time()
    found = [model.predict(text.replace("\n", " ")) for text in texts]
    seconds = time.process_time() - start
    labels = (labels[0].removeprefix("__label__") if labels else "" for labels, _ in found)
    return [SAME.get(label, label) for label in labels], seconds


def whatlang(texts):
    import whatlang as library

    def detect(text):
        try:
            return library.detect(text)
        except ValueError:
            return None

    start = time.process_time()
    found = [detect(text) for text in texts]
    seconds = time.process_time() - start
    codes = (str(language.lang) if language and language.lang else "" for language in found)
    special = {"fas": "fa", "ara": "ar", "est": "et", "lav": "lv", "mon": "mn", "aze": "az",
               "swa": "sw", "uzb": "uz", "yid": "yi", "nep": "ne", "ori": "or", "aka": "ak"}
    found = [SAME.get(code) or SHORTER.get(code) or special.get(code, code) for code in codes]
    return found, seconds


def share(pairs):
    pairs = list(pairs)
    return f"{sum(a == b for a, b in pairs) / max(1, len(pairs)):.4f} ({len(pairs)})"


def labelled(data, limit):
    """Returns (kind, code, text) for both sets."""
    texts = []
    for row in rows(data / "language" / "lingua.jsonl.zst"):
        texts.append((row["kind"], row["lang"], row["text"]))
    for row in rows(data / "language" / "udhr.jsonl.zst"):
        texts.append(("udhr", SHORTER.get(row["lang"], row["lang"]), row["text"]))
    if limit and limit < len(texts):
        random.Random(1).shuffle(texts)
        texts = texts[:limit]
    return texts


def web(data, limit):
    """Returns (corpus, code, text) for documents with a declared language."""
    texts = []
    for name in ("docs", "mixed", "ruby-lang", "cc-samples"):
        own = [
            (name, row["lang"].lower().replace("_", "-").split("-")[0], row["text"])
            for row in rows(data / "corpus" / f"{name}.jsonl.zst")
            if row.get("lang") and row["lang"] != "und" and len(row["text"]) > 200
        ]
        random.Random(1).shuffle(own)
        texts += own[:limit]
    return [(name, SAME.get(code, code), text) for name, code, text in texts]


def report(texts, systems):
    results = {name: system([text for _, _, text in texts]) for name, system in systems.items()}
    total = sum(len(text.encode()) for _, _, text in texts) / 1e6
    known = {name: set(found) for name, (found, _) in results.items()}
    common = set.intersection(*known.values())
    for kind in sorted({kind for kind, _, _ in texts}):
        for name, (found, _) in results.items():
            pairs = [(code, got) for (of, code, _), got in zip(texts, found) if of == kind]
            own = [pair for pair in pairs if pair[0] in known[name]]
            both = [pair for pair in pairs if pair[0] in common]
            print(f"{kind:13} {name:10} all {share(pairs)}  known {share(own)}  "
                  f"common {share(both)}")
    for name, (_, seconds) in results.items():
        print(f"{name}: {total / seconds:.1f} MB/s, {len(known[name])} languages returned")
    return results


def worst(texts, found):
    for kind in ("sentences", "single-words", "udhr"):
        languages = collections.defaultdict(collections.Counter)
        for (of, code, _), got in zip(texts, found):
            if of == kind:
                languages[code][got] += 1
        names = set(found)
        table = sorted(
            (counts[code] / sum(counts.values()), code, counts)
            for code, counts in languages.items() if code in names
        )
        print(f"our worst, {kind}:")
        for accuracy, code, counts in table[:15]:
            others = [f"{got} {n}" for got, n in counts.most_common(4) if got != code][:3]
            print(f"  {code:4} {accuracy:.3f}  {', '.join(others)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--detect", default="target/release/examples/language_detect")
    parser.add_argument("--limit", type=int, default=0, help="texts of each set, 0: all")
    parser.add_argument("--web", type=int, default=0, help="documents of each corpus, 0: none")
    options = parser.parse_args()
    data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data"
    systems = {
        "gristmill": lambda texts: ours(texts, [options.detect]),
        "lid.176": lambda texts: lid176(texts, data / "language" / "lid.176.ftz"),
        "whatlang": whatlang,
    }
    texts = labelled(data, options.limit)
    results = report(texts, systems)
    worst(texts, results["gristmill"][0])
    if options.web:
        report(web(data, options.web), systems)


if __name__ == "__main__":
    main()
