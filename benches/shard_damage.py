#!/usr/bin/env python3
"""Damages a dataset and checks that the program finds the damage and a training run refuses it.

usage: shard_damage.py GRISTMILL SHARDS [--cases 500] [--work DIR] [--seed 1]

The damages are flipped bits, truncations, deletions, additions, and files of two shards with
swapped names. `shards verify` must name the file and a range that contains the damage, and nothing
else. `pretrain` must stop exactly before the first step that uses a damaged block. Needs numpy.
"""
import sys

sys.path.pop(0)  # Otherwise html.py beside this file would hide Python's own module.

import argparse, collections, json, pathlib, random, shutil, subprocess, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import gristmill_shards as shards

parser = argparse.ArgumentParser()
parser.add_argument("gristmill", type=pathlib.Path)
parser.add_argument("shards", type=pathlib.Path)
parser.add_argument("--cases", type=int, default=500)
parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("runs/shard-damage"))
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
chance = random.Random(options.seed)
source = options.shards if (options.shards / "shards.json").is_file() else options.shards / "shards"
shutil.rmtree(options.work, ignore_errors=True)
folder = options.work / "shards"
shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.plan"))
files = sorted(path.name for path in folder.iterdir())
names = [shard["name"] for shard in json.loads((folder / "shards.json").read_text())["shards"]]


def verify():
    """Runs `shards verify`; returns its exit code and findings."""
    command = [str(options.gristmill), "--json", "shards", "verify", str(folder)]
    done = subprocess.run(command, capture_output=True)
    return done.returncode, json.loads(done.stdout)["findings"]


def damage(kind, path):
    """Damages a file; returns the position of a byte that the finding must include."""
    data = path.read_bytes()
    if kind == "bit":
        at = chance.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :])
        return at
    if kind == "cut":
        at = chance.randrange(len(data))
        path.write_bytes(data[:at])
        return at
    if kind == "gone":
        path.unlink()
        return 0
    path.write_bytes(data + chance.randbytes(1 + chance.randrange(100)))
    return len(data)


def is_named(found, name, at):
    # Files with the digests of others are protected by a single digest, so their finding has no
    # narrower range.
    whole = name.endswith(".sums") or name == "shards.json"
    ranges = [(finding["bytes"]["start"], finding["bytes"]["end"]) for finding in found]
    return {f["file"] for f in found} == {name} and (whole or any(a <= at < b for a, b in ranges))


assert verify() == (0, []), "the dataset is already damaged"
missed, kinds, start = [], collections.Counter(), time.monotonic()
for case in range(options.cases):
    kind = ("bit", "bit", "cut", "gone", "more")[case % 5]
    path = folder / chance.choice(files)
    kept = path.read_bytes()
    at = damage(kind, path)
    code, found = verify()
    if code != 1 or not is_named(found, path.name, at):
        missed.append((kind, path.name, at, code, found))
    path.write_bytes(kept)
    kinds[kind] += 1
for case in range(options.cases // 10):
    two = [folder / name for name in chance.sample(names, 2)]
    extensions = chance.choice([["bin"], ["idx"], ["sums"], ["bin", "idx", "sums"]])

    def swap():
        for extension in extensions:
            a, b = (path.with_suffix(f".{extension}") for path in two)
            aside = folder / "aside"
            a.rename(aside), b.rename(a), aside.rename(b)

    swap()
    code, found = verify()
    wanted = {(f"{a.name}.{e}", f"{b.name}.{e}") for a, b in (two, two[::-1]) for e in extensions}
    named = {(f["file"], f["fault"].get("with")) for f in found}
    if code != 1 or named != wanted:
        missed.append(("swap", [p.name for p in two], extensions, code, found))
    swap()
    kinds["swap"] += 1
print(f"{dict(kinds)} in {time.monotonic() - start:.0f} s: {len(missed)} not found or not named")
for one in missed[:5]:
    print("  ", one)
assert verify() == (0, []), "the dataset was not restored"

# Find the block of the train split that is first used latest, and the step that first uses it.
LENGTH, BATCH, STEPS, SEED = 128, 2, 24, 17
vocabulary = json.loads((folder / "shards.json").read_text())["vocab_size"]
pack = [options.gristmill, "shards", "pack", folder, "--sequence-length", str(LENGTH)]
subprocess.run(pack, check=True, capture_output=True)
run = shards.Run.open(folder, folder / f"train-best-fit-{LENGTH}.plan", seed=SEED, batch_rows=BATCH)
width, first_use = run.dataset.dtype.itemsize, {}
for step in range(STEPS):
    for row in run.order.rows(step):
        for shard, begin, length in run.plan.row(int(row)).tolist():
            for block in range(begin * width >> 20, ((begin + length) * width - 1 >> 20) + 1):
                first_use.setdefault((shard, block), step)
(shard, block), step = max(first_use.items(), key=lambda item: item[1])
path = folder / f"{run.dataset.shards[shard]['name']}.bin"
data = bytearray(path.read_bytes())
data[(block << 20) + 5] ^= 4
path.write_bytes(data)
config = options.work / "model.toml"
config.write_text(f"vocab_size = {vocabulary}\ndim = 16\nlayers = 1\nheads = 1\nkv_heads = 1\n"
                  "ffn_dim = 16\ntie_embeddings = true\n")
trained = options.work / "trained"
command = [options.gristmill, "pretrain", folder, "--config", config, "--context", LENGTH,
           "--batch", BATCH, "--steps", STEPS, "--seed", SEED, "--eval-every", 0,
           "--checkpoint-every", 1, "--device", "cpu", "--output", trained]
done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
message = " ".join(done.stderr.replace("│", " ").split("×")[-1].split())
# The steps before it have checkpoints, numbered from 1.
made = [int(path.name.split("-")[1]) for path in (trained / "checkpoints").glob("step-*")]
refused = done.returncode != 0 and path.name in message and max(made, default=0) == step
refused_here = False
try:
    shards.Run.open(folder, run.plan.path, seed=SEED, batch_rows=BATCH).batch(step)
except shards.DamagedError as error:
    refused_here = path.name in str(error)
print(f"{path.name}, MiB {block}, first used by step {step}: pretrain made {max(made, default=0)} "
      f"steps and printed: {message}")
print(f"refused before that step by the program: {refused}, by Python: {refused_here}")
sys.exit(bool(missed) or not refused or not refused_here)
