#!/usr/bin/env python3
"""Compares the speed of reading WARC records with the Python package FastWARC, on one core.

usage: warc.py EXAMPLE FILE… [--repeat 7]

EXAMPLE is the built example `warc_bodies` of the crate gristmill-read. FastWARC is the PyPI package
fastwarc. Both iterate over all records, parse the HTTP header of responses and decode each body.
Their runs alternate. Prints a Markdown table.
"""
import argparse, os, statistics, subprocess, sys, time

WORKER = r"""
import sys, time
from fastwarc.warc import ArchiveIterator, WarcRecordType
def once(path):
    start, records, size = time.perf_counter(), 0, 0
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, parse_http=True, auto_decode="all"):
            records += 1
            size += len(record.reader.read())
    return time.perf_counter() - start, records, size
for line in sys.stdin:
    print(*once(line.rstrip("\n")), flush=True)
"""

parser = argparse.ArgumentParser()
parser.add_argument("example")
parser.add_argument("files", nargs="+")
parser.add_argument("--repeat", type=int, default=7)
options = parser.parse_args()


def worker(command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


readers = {
    "FastWARC": worker([sys.executable, "-c", WORKER]),
    "gristmill": worker([options.example]),
}
if hasattr(os, "sched_setaffinity"):
    core = {min(os.sched_getaffinity(0))}
    for process in readers.values():
        os.sched_setaffinity(process.pid, core)


def core_seconds(process):
    """Returns the seconds for which a process ran on the core, without other work on it."""
    try:
        return int(open(f"/proc/{process.pid}/schedstat").read().split()[0]) / 1e9
    except OSError:
        return None


def measure(process, path):
    before = core_seconds(process)
    process.stdin.write(path + "\n")
    process.stdin.flush()
    seconds, records, size = process.stdout.readline().split()
    after = core_seconds(process)
    return float(seconds) if before is None else after - before, int(records), int(size)


print("| file | reader | records | body bytes | seconds (best) | seconds (median) "
      "| MB/s of bodies (best) |")
print("|---|---|---|---|---|---|---|")
for path in options.files:
    found = {name: [] for name in readers}
    for _ in range(options.repeat + 1):
        for name, process in readers.items():
            found[name].append(measure(process, path))
    for name, runs in found.items():
        seconds = [run[0] for run in runs[1:]]
        _, records, size = runs[0]
        best = min(seconds)
        print(f"| {os.path.basename(path)} | {name} | {records} | {size} | {best:.3f} "
              f"| {statistics.median(seconds):.3f} | {size / 1e6 / best:.0f} |")
