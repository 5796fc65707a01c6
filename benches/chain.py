#!/usr/bin/env python3
"""Measures the speed of the filters on one core: read JSONL.zst, language, signals, PII, safety.

usage: chain.py GRISTMILL [--repeat 3] [FILE]

FILE defaults to data/corpus/docs.jsonl.zst in the folder GRISTMILL_DATA. Prints megabytes of text
per second of processor time on one thread, so other work on the machine does not matter. `stats`
measures the chain of the first rows; the other rows are stages in SQL, which also write documents.
"""
import argparse, json, os, pathlib, resource, shutil, statistics, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("gristmill")
parser.add_argument("file", nargs="?")
parser.add_argument("--repeat", type=int, default=3)
options = parser.parse_args()
data = os.environ.get("GRISTMILL_DATA")
if not (options.file or data):
    sys.exit("skipped: GRISTMILL_DATA is not set")
file = options.file or str(pathlib.Path(data) / "data/corpus/docs.jsonl.zst")
work = pathlib.Path(tempfile.mkdtemp(prefix="gristmill-chain-"))
output = str(work / "kept.jsonl.zst")


def stages(*names):
    flags = ["apply", file, "--output", output]
    for name in names:
        flags += ["--stage", name]
    for name in names:
        if name in ("gopher", "gopher_repetition", "fineweb"):
            flags += ["--with", f"{name}.segmenter={segmenter}"]
        if name == "c4":
            flags += ["--with", "c4.filter_no_terminal_punct=false"]
    return flags


stats = ["stats", file, "--by", "all"]
wanted = ["bytes", "language.confidence", "pii_per_1000_characters", "safety.toxicity"]
chains = [
    ("read, language, signals, PII, safety (`stats`)",
     stats + [flag for name in wanted for flag in ("--measure", name)]),
    ("the same and the quality score", stats),
]
for segmenter in ("unicode", "spacy-en"):
    filters = ["gopher_repetition", "gopher", "c4", "fineweb"]
    chains.append((f"the four filters in SQL, {segmenter}", stages(*filters)))
    chains.append((f"language, the four filters, pii, safety in SQL, {segmenter}",
                   stages("language", *filters, "pii", "safety")))

text_bytes = None
print("| chain | processor seconds | MB/s of text read |\n|---|---|---|")
for name, flags in chains:
    seconds = []
    for _ in range(options.repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [options.gristmill, *flags, "--threads", "1", "--quiet", "--json"]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if text_bytes is None:
            rows = map(json.loads, printed.splitlines())
            row = next(row for row in rows if row["measure"] == "bytes")
            text_bytes = row["mean"] * row["documents"]
    took = statistics.median(seconds)
    print(f"| {name} | {took:.2f} | {text_bytes / 1e6 / took:.1f} |", flush=True)
shutil.rmtree(work)
