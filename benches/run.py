#!/usr/bin/env python3
"""Measures a whole run: documents/s, MB/s of text by step, and peak resident memory.

usage: run.py GRISTMILL [--recipe benches/run.toml] [--repeat 3] [--threads 2]

GRISTMILL_DATA is the folder with data/corpus/docs.jsonl.zst. Prints a Markdown table.
"""
import argparse, json, os, pathlib, resource, shutil, statistics, subprocess, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("gristmill")
parser.add_argument("--recipe", default=str(pathlib.Path(__file__).parent / "run.toml"))
parser.add_argument("--repeat", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
if not os.environ.get("GRISTMILL_DATA"):
    sys.exit("skipped: GRISTMILL_DATA is not set")

output = pathlib.Path("runs/bench")
rows, peaks, walls, steps = [], [], [], {}
for _ in range(options.repeat):
    shutil.rmtree(output, ignore_errors=True)
    command = [options.gristmill, "run", options.recipe, "--output", str(output),
               "--threads", str(options.threads), "--quiet", "--json"]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    walls.append(time.monotonic() - start)
    if status:
        sys.exit(f"the run failed with status {status}")
    peaks.append(usage.ru_maxrss * 1024)
    summary = json.loads(printed.splitlines()[-1])
    for line in (output / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "end":
            steps.setdefault(event["step"], []).append(event["seconds"])

read = summary["read"]
wall = statistics.median(walls)
print(f"| step | seconds (median of {options.repeat}) | MB/s of text read |\n|---|---|---|")
for step, seconds in steps.items():
    seconds = statistics.median(seconds)
    print(f"| {step} | {seconds:.2f} | {read['bytes'] / 1e6 / max(seconds, 1e-9):.0f} |")
print(f"| **whole run** | **{wall:.2f}** | **{read['bytes'] / 1e6 / wall:.1f}** |")
print(f"\n{read['documents']:,} documents ({read['bytes'] / 1e6:.1f} MB of text) read, "
      f"{read['documents'] / wall:,.0f} documents/s; "
      f"peak resident memory {max(peaks) / 2**20:.0f} MiB; {options.threads} threads.")
