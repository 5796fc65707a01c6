"""Trains a tokenizer on ten gigabytes within `--memory 1GiB`: exact, and linear in time.

usage: train_10gb.py GRISTMILL JSONL [SCRATCH_FOLDER]

JSONL holds lines with a field "text". Its lines are repeated until there are ten gigabytes, each with a made-up word in
front of its text, so that new words keep coming. A tenth is trained on within the limit and with sixteen times as much:
the files must be the same. 12 GB of disk are needed, and given back.
"""

import hashlib
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import time

TOTAL_BYTES = 10 * 10**9
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORD_LETTERS = 9
SEED = 5


def write_lines(source, target, n_bytes):
    """Writes at least so many bytes of text; returns them."""
    texts = [json.loads(line)["text"] for line in open(source, encoding="utf-8")]
    choose = random.Random(SEED)
    written = 0
    with open(target, "w", encoding="utf-8") as out:
        while written < n_bytes:
            for text in texts:
                text = "".join(choose.choices(LETTERS, k=WORD_LETTERS)) + " " + text
                out.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
                written += len(text.encode())
                if written >= n_bytes:
                    break
    return written


def train(gristmill, source, output, memory):
    """Seconds by the clock and of the processor, the peak of memory in MiB, and the tokenizer's digest."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    command = [gristmill, "tokenizer", "train", source, "--vocab-size", "32768", "--split", "gpt2"]
    process = subprocess.Popen([*command, "--memory", memory, "--output", output, "--quiet"])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(map(str, command))}: failed")
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, processor, usage.ru_maxrss / 1024, hashlib.sha256(output.read_bytes()).hexdigest()


def main():
    gristmill, source = sys.argv[1:3]
    scratch = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else "target/train_10gb")
    scratch.mkdir(parents=True, exist_ok=True)
    lines, output = scratch / "lines.jsonl", scratch / "tokenizer.json"
    runs = [(TOTAL_BYTES // 10, "16GiB"), (TOTAL_BYTES // 10, "1GiB"), (TOTAL_BYTES, "1GiB")]
    digests, present = [], None
    for n_bytes, memory in runs:
        if n_bytes != present:
            write_lines(source, lines, n_bytes)
            present = n_bytes
        seconds, processor, peak, digest = train(gristmill, lines, output, memory)
        digests.append(digest)
        print(f"{n_bytes / 1e9:4.0f} GB, {memory:>5}: {seconds:6.1f} s, {processor:6.1f} s of the processor, "
              f"peak {peak:.0f} MiB, {digest[:12]}", flush=True)
    lines.unlink()
    print("a tenth: the same file" if digests[0] == digests[1] else "a tenth: the files DIFFER")
    return digests[0] != digests[1]


if __name__ == "__main__":
    sys.exit(main())
