"""Compares our `spacy-en` tokens and sentences with spaCy's, document by document.

usage: spacy_tokens.py DOCUMENTS.jsonl[.zst] [--documents 3000] [--random 3000] [--lang en]

Needs spacy 3.8 and zstandard from PyPI. Besides the documents, it compares random strings of
difficult characters and pieces, from a fixed seed. Prints the agreement for each kind and the first
differences. Fails below 99.9 %.
"""

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import spacy

ROOT = Path(__file__).resolve().parent.parent
PIECES = (
    ". , : ; ! ? ' \" ’ ‘ “ ” ( ) [ ] { } < > / \\ | @ # $ % ^ & * - – — ~ _ = + … .. ... ° £ € ¥ "
    "§ © ™ • ← 😀 a b c s S I A Z x o O D P ab Mr. U.S. e.g. don't dont 's n't he's cannot gonna "
    "10 3 1 0 8 km kg m % K US$ "
    "www. .com .org http:// mailto: é ß Я я 中 文 हि ا ñ º ² ½ １ ́ "
    ":) :-( ;-D xD <3 (^_^) ಠ_ಠ ¯\\(ツ)/¯ C++ °C. °F. p.m. 8a.m. vs. Ph.D. y'all 'em and/or"
).split(" ") + [" ", " ", " ", "  ", "\n", "\u00a0", "\t", "\u3000", "\u2028", "\x1c"]


def documents(path: str, lang: str, limit: int):
    stream = open(path, "rb")
    if path.endswith(".zst"):
        import zstandard

        stream = zstandard.ZstdDecompressor().stream_reader(stream)
    found = []
    for line in io.TextIOWrapper(stream, encoding="utf-8"):
        row = json.loads(line)
        if row.get("lang", lang) == lang:
            found.append(row["text"])
    return found[:: max(1, len(found) // limit)][:limit]


def tricky(count: int):
    chance = random.Random(17)
    return ["".join(chance.choices(PIECES, k=chance.randint(1, 40))) for _ in range(count)]


def theirs(nlp, text: str):
    """Returns tokens and sentences in the way datatrove 0.10 takes them from spaCy."""
    with nlp.memory_zone():
        nlp.max_length = len(text) + 10
        doc = nlp(text)
        tokens = [token.text.strip() for token in doc if token.text.strip()]
        ends = [sentence.end_char for sentence in doc.sents][:-1]
    sentences = [text[a:b] for a, b in zip([0] + ends, ends + [len(text)])]
    return tokens, sentences if text.strip() else []


def ours(texts: list[str]):
    with tempfile.TemporaryFile("w+") as given:
        given.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        given.seek(0)
        command = "cargo run -q --release -p gristmill-text --example tokens -- spacy-en".split()
        run = subprocess.run(command, stdin=given, capture_output=True, cwd=ROOT, check=True)
    return [json.loads(line) for line in run.stdout.decode().split("\n") if line]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--random", type=int, default=3000)
    parser.add_argument("--lang", default="en")
    options = parser.parse_args()
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    failed = False
    for kind, texts in [
        ("documents", documents(options.file, options.lang, options.documents)),
        ("random strings", tricky(options.random)),
    ]:
        equal = {"tokens": 0, "sentences": 0}
        shown = 0
        for text, mine in zip(texts, ours(texts), strict=True):
            for part, expected in zip(equal, theirs(nlp, text)):
                if mine[part] == expected:
                    equal[part] += 1
                elif shown < 8:
                    shown += 1
                    pairs = enumerate(zip(mine[part], expected))
                    at = next((i for i, (a, b) in pairs if a != b), 0)
                    near = slice(max(0, at - 3), at + 6)
                    print(part, mine[part][near], expected[near])
        for part, count in equal.items():
            print(f"{kind}: {part} equal in {count} of {len(texts)} = {count / len(texts):.4%}")
            failed |= count < 0.999 * len(texts)
    sys.exit(failed)


if __name__ == "__main__":
    main()
