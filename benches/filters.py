"""Compares the filters of Gopher, C4 and FineWeb with datatrove's on the same documents.

usage: python benches/filters.py DOCUMENTS.jsonl[.zst] [--documents 3000] [--lang en] [--show 5]

Needs `datatrove[processing,io]` 0.10, spacy 3.8 and zstandard from PyPI. Prints the agreement of
verdicts and reasons for both segmenters, some disagreements with their reasons, and megabytes per
second of one core. Fails below 99.5 % with spacy-en or 97 % with unicode. Both sides measure
processor time, so other work on the machine does not matter.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from spacy_tokens import documents

ROOT = Path(__file__).resolve().parent.parent
FILTERS = {
    "gopher_rep": GopherRepetitionFilter(),
    "gopher_quality": GopherQualityFilter(),
    "c4": C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb": FineWebQualityFilter(),
}


def theirs(texts: list[str]):
    """Returns datatrove's reason to drop (None: keep) by filter, the text after C4, and seconds."""
    for warm in FILTERS.values():
        warm.filter(Document(text="The first call loads the tokenizer.", id="warm"))
    rows, seconds = [], Counter()
    for text in texts:
        row = {}
        for name, one in FILTERS.items():
            document = Document(text=text, id="")
            start = time.thread_time()
            verdict = one.filter(document)
            seconds[name] += time.thread_time() - start
            kept, reason = verdict if isinstance(verdict, tuple) else (verdict, "dropped")
            row[name] = None if kept else reason
            if name == "c4":
                row["c4_text"] = document.text
        rows.append(row)
    return rows, seconds


def ours(texts: list[str], segmenter: str):
    """Returns our verdicts, and the seconds of all four filters together."""
    with tempfile.TemporaryFile("w+") as given:
        given.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        given.seek(0)
        command = "cargo run -q --release -p gristmill-text --example filters --".split()
        command.append(segmenter)
        run = subprocess.run(command, stdin=given, capture_output=True, cwd=ROOT)
    if run.returncode:
        sys.exit(run.stderr.decode())
    rows = [json.loads(line) for line in run.stdout.decode().split("\n") if line]
    return rows, float(run.stderr.decode().split()[-2])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--lang", default="en")
    parser.add_argument("--show", type=int, default=5)
    options = parser.parse_args()
    texts = documents(options.file, options.lang, options.documents)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    expected, seconds = theirs(texts)
    for name, spent in seconds.items():
        print(f"datatrove {name}: {megabytes / spent:.2f} MB/s")
    rate = megabytes / seconds.total()
    print(f"datatrove, all four: {rate:.3f} MB/s ({len(texts)} documents, {megabytes:.1f} MB)")
    failed = False
    for segmenter, least in (("spacy-en", 0.995), ("unicode", 0.97)):
        rows, spent = ours(texts, segmenter)
        speed = megabytes / spent
        print(f"ours, {segmenter}, all four: {speed:.1f} MB/s, "
              f"{speed / rate:.0f} times datatrove's")
        for name in [*FILTERS, "c4_text"]:
            pairs = [(mine[name], given[name]) for mine, given in zip(rows, expected, strict=True)]
            verdicts = sum((a is None) == (b is None) for a, b in pairs) / len(pairs)
            reasons = sum(a == b for a, b in pairs) / len(pairs)
            print(f"  {name}: verdicts {verdicts:.3%}, reasons {reasons:.3%}")
            failed |= verdicts < least
            if name != "c4_text":
                different = Counter(pair for pair in pairs if pair[0] != pair[1])
                for (a, b), count in different.most_common(options.show):
                    print(f"    {count} times ours {a}, datatrove's {b}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
