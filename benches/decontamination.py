#!/usr/bin/env python3
"""Searches for benchmark questions that were planted in documents, verbatim and edited.

usage: decontamination.py [--seed 1] [--options '0.4 4 13 10 8'] [--show 20]

GRISTMILL_DATA is the folder with data/eval and data/corpus. Each question of GSM8K's test set and
of HumanEval is planted in the middle of a document, at several rates of edits. The table gives the
share of these documents that match. Every match in the unchanged corpora is printed too, to be
judged by eye. An edit replaces, deletes or inserts a word, or changes a number. At every rate
except 0, case and punctuation change too, and in half of the questions two sentences are swapped.
"""
import argparse, collections, gzip, json, os, pathlib, random, re, subprocess, sys, tempfile

import zstandard

ROOT = pathlib.Path(__file__).resolve().parent.parent
RATES = (0.0, 0.05, 0.10, 0.15, 0.20, 0.30)
NAMES = "Amara Bjorn Chidi Dalia Emeka Freya Goran Hana Ivo Jin Kofi Leila".split()


def records(path):
    if path.suffix == ".zst":
        opened = zstandard.open(path, "rt", encoding="utf-8", newline="\n")
    elif path.suffix == ".gz":
        opened = gzip.open(path, "rt", encoding="utf-8")
    else:
        opened = open(path, encoding="utf-8")
    with opened as lines:
        for line in lines:
            yield json.loads(line)


def questions(data):
    found = [
        ("gsm8k-test", f"gsm8k/{i}", row["question"])
        for i, row in enumerate(records(data / "eval/gsm8k-test.jsonl"))
    ]
    return found + [
        ("HumanEval", row["task_id"], row["prompt"])
        for row in records(data / "eval/HumanEval.jsonl.gz")
    ]


def edited(text, rate, random_, vocabulary):
    """Edits a share of the words of a text."""
    if not rate:
        return text
    sentences = re.split(r"(?<=[.?!])(?=\s)", text)
    if len(sentences) > 2 and random_.random() < 0.5:
        first = random_.randrange(len(sentences) - 2)
        sentences[first], sentences[first + 1] = sentences[first + 1], sentences[first]
        text = "".join(sentences)
    parts = re.split(r"([^\W\d_]+(?:['’][^\W\d_]+)?|\d+)", text)
    words = range(1, len(parts), 2)
    for place in random_.sample(words, min(len(words), round(rate * len(words)))):
        word, kind = parts[place], random_.random()
        if word.isdigit():
            parts[place] = str(random_.randrange(2, 500))
        elif word[0].isupper() and kind < 0.5:
            parts[place] = random_.choice(NAMES)
        elif kind < 0.6:
            parts[place] = random_.choice(vocabulary)
        elif kind < 0.8:
            parts[place] = ""
        else:
            parts[place] = f"{word} {random_.choice(vocabulary)}"
    for place in words:
        if random_.random() < 0.03:
            parts[place] = parts[place].upper()
    for place in range(0, len(parts), 2):
        if parts[place] == " " and random_.random() < 0.04:
            parts[place] = random_.choice([", ", " - ", "  ", "\n"])
        elif parts[place] in (", ", ". ") and random_.random() < 0.1:
            parts[place] = random_.choice([" ", "; "])
    return "".join(parts)


def search(asked, documents, options, binary):
    """Returns the matches among documents (id, text), and the line about speed that is printed."""
    with tempfile.TemporaryDirectory() as folder:
        given = pathlib.Path(folder, "questions.jsonl")
        lines = pathlib.Path(folder, "documents.jsonl")
        rows = (json.dumps(dict(name=n, id=i, text=t)) + "\n" for n, i, t in asked)
        given.write_text("".join(rows))
        with open(lines, "w") as out:
            out.writelines(json.dumps({"id": i, "text": t}) + "\n" for i, t in documents)
        with open(lines) as stdin:
            command = [binary, given, *options.split()]
            run = subprocess.run(command, stdin=stdin, capture_output=True, check=True)
    matches = [json.loads(line) for line in run.stdout.decode().split("\n") if line]
    return matches, run.stderr.decode().strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--options", default="", help="min_overlap ngram_words run_words sharing_max min_words"
    )
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--corpora", default="mixed,docs,ruby-lang,cc-samples")
    options = parser.parse_args()
    if not os.environ.get("GRISTMILL_DATA"):
        sys.exit("skipped: GRISTMILL_DATA is not set")
    data = pathlib.Path(os.environ["GRISTMILL_DATA"]) / "data"
    build = "cargo build -q --release -p gristmill-text --example contamination"
    subprocess.run(build.split(), cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = target / "release/examples/contamination"
    asked = questions(data)

    mixed = (row["text"] for row in records(data / "corpus/mixed.jsonl.zst"))
    hosts = [text for text in mixed if len(text) > 2000]
    vocabulary = {word for text in hosts[:2000] for word in re.findall(r"[a-z]{2,12}", text)}
    vocabulary = sorted(vocabulary)
    print("| questions | " + " | ".join(f"{rate:.0%}" for rate in RATES) + " |")
    print("|---|" + "---|" * len(RATES))
    recall = collections.defaultdict(list)
    for rate in RATES:
        random_ = random.Random(f"{options.seed} {rate}")
        planted = []
        for _, question, text in asked:
            host = random_.choice(hosts)
            middle = host.find(" ", len(host) // 2)
            question_text = edited(text, rate, random_, vocabulary)
            planted.append((question, f"{host[:middle]}\n{question_text}\n{host[middle:]}"))
        found = {match["id"] for match in search(asked, planted, options.options, binary)[0]}
        for name in ("gsm8k-test", "HumanEval"):
            ids = [i for n, i, _ in asked if n == name]
            recall[name].append(sum(i in found for i in ids) / len(ids))
    for name, shares in recall.items():
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")

    for corpus in filter(None, options.corpora.split(",")):
        rows = records(data / f"corpus/{corpus}.jsonl.zst")
        documents = ((row["id"], row["text"]) for row in rows)
        matches, said = search(asked, documents, options.options, binary)
        kinds = collections.Counter(match["reference"] for match in matches)
        print(f"\n{corpus}: {len(matches)} documents match {dict(kinds)}; {said}")
        for match in sorted(matches, key=lambda match: -match["overlap"])[: options.show]:
            passage = re.sub(r"\s+", " ", match["passage"])[:300]
            print(
                f"  {match['id']} {match['question']} overlap {match['overlap']:.2f} "
                f"run {match['run_words']}: {passage}"
            )


if __name__ == "__main__":
    main()
