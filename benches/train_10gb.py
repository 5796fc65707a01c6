"""Trains a tokenizer on ten gigabytes within `--memory 1GiB`: exactly, and in linear time.

usage: train_10gb.py GRISTMILL JSONL [SCRATCH_FOLDER]

JSONL has lines with a field "text". The lines are repeated up to ten gigabytes, each with a random
word in front of its text, so that there are always new words. First a tokenizer is trained on a
tenth of them, within the limit and with sixteen times the memory; the two files must be equal. Then
one is trained on all of them. Needs 12 GB of disk space, which are freed at the end.
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
    """Writes at least `n_bytes` bytes of text and returns their number."""
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
    """Returns wall-clock and processor seconds, peak memory in MiB and the tokenizer's digest."""
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
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    return seconds, processor, usage.ru_maxrss / 1024, digest


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
        print(f"{n_bytes / 1e9:4.0f} GB, {memory:>5}: {seconds:6.1f} s, {processor:6.1f} s of "
              f"processor time, peak {peak:.0f} MiB, {digest[:12]}", flush=True)
    lines.unlink()
    same = digests[0] == digests[1]
    print(f"a tenth with both limits: {'the same file' if same else 'the files DIFFER'}")
    return digests[0] != digests[1]


if __name__ == "__main__":
    sys.exit(main())
