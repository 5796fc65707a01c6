#!/usr/bin/env python3
"""Kills a run at random moments, finishes it, and compares its tree with an undisturbed run's.

usage: crash.py GRISTMILL RECIPE [--kills N] [--threads 1,2,4] [--seed S] [--work DIR]
"""
import argparse, hashlib, os, pathlib, random, shutil, signal, subprocess, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("gristmill")
parser.add_argument("recipe")
parser.add_argument("--kills", type=int, default=10)
parser.add_argument("--threads", default="")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--work", default="runs/crash")
options = parser.parse_args()
work = pathlib.Path(options.work)
APART = {"events.jsonl", ".lock"}  # the one tells times, the other who was there last


def tree(root):
    files = sorted(p for p in root.rglob("*") if p.is_file() and p.name not in APART)
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def command(output, threads=None):
    extra = ["--threads", str(threads)] if threads else []
    return [options.gristmill, "run", options.recipe, "--output", str(output), "--quiet", *extra]


def compare(name, found, expected):
    if found == expected:
        print(f"{name}: {len(found)} files, identical", flush=True)
        return
    different = [p for p in sorted(found.keys() | expected.keys()) if found.get(p) != expected.get(p)]
    sys.exit(f"{name}: differs in {different[:10]}")


shutil.rmtree(work, ignore_errors=True)
start = time.monotonic()
subprocess.run(command(work / "clean"), check=True, stdout=subprocess.DEVNULL)
seconds = time.monotonic() - start
expected = tree(work / "clean")
print(f"undisturbed: {len(expected)} files in {seconds:.1f} s", flush=True)

for threads in filter(None, options.threads.split(",")):
    output = work / f"threads-{threads}"
    subprocess.run(command(output, threads), check=True, stdout=subprocess.DEVNULL)
    compare(f"{threads} threads", tree(output), expected)
    shutil.rmtree(output)

chance = random.Random(options.seed)
output = work / "killed"
moments = []
for kill in range(options.kills):
    # One run is killed several times: each kill comes at a moment of what is left.
    process = subprocess.Popen(command(output), stdout=subprocess.DEVNULL)
    moment = chance.uniform(0.02, 0.35) * seconds
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        moments.append(f"{moment:.2f}")
        continue
    compare(f"finished after kills at {', '.join(moments)} s", tree(output), expected)
    shutil.rmtree(output)
    moments = []
subprocess.run(command(output), check=True, stdout=subprocess.DEVNULL)
compare(f"finished after kills at {', '.join(moments)} s", tree(output), expected)
shutil.rmtree(work)
