#!/usr/bin/env python3
"""Checks that the program and the Python package read the same order in every setting.

usage: shard_order.py GRISTMILL SHARDS [--steps 1000] [--seed 1] [--trained RUN]

SHARDS is a folder of shards, or a run directory, with at least two sources. The script compares:

- the digests of `--steps` steps in the program and in the package, with a change of the mixture
  half-way;
- 1, 2, 4 and 8 ranks of the program, and these with 0, 2 and 4 workers of torch's DataLoader;
- the package resumed from states that the program printed, at 20 random steps;
- each epoch, which must have every row once;
- with `--trained`, the digests that `gristmill pretrain` logged in the output folder RUN.

Needs numpy and torch.
"""
import sys

sys.path.pop(0)  # Otherwise html.py beside this file would hide Python's own module.

import argparse, collections, json, pathlib, random, subprocess, time, warnings

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import gristmill_shards as shards
from gristmill_shards.torch_data import StepDataset
from torch.utils.data import DataLoader

warnings.filterwarnings("ignore")  # This test deliberately uses more workers than cores.
parser = argparse.ArgumentParser()
parser.add_argument("gristmill", type=pathlib.Path)
parser.add_argument("shards", type=pathlib.Path)
parser.add_argument("--steps", type=int, default=1000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--trained", type=pathlib.Path)
options = parser.parse_args()
chance = random.Random(options.seed)
LENGTH, BATCH, SEED = 256, 16, 29
CHANGE = options.steps // 2
folder = options.shards if (options.shards / "shards.json").is_file() else options.shards / "shards"


def gristmill(*arguments):
    command = [str(options.gristmill), "--json", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def digest_of(tokens):
    return shards.xxh3_64(np.ascontiguousarray(tokens, "<u4"))


plan = folder / f"train-best-fit-{LENGTH}.plan"
packed = gristmill("shards", "pack", folder, "--sequence-length", LENGTH)
names = [source["name"] for source in packed["plan"]["sources"]]
assert len(names) > 1, f"at least two sources are needed; there are {names}"
others = names[2:]
first = {names[0]: 0.7, names[1]: 0.3 - 0.01 * len(others), **{name: 0.01 for name in others}}
second = {names[0]: 0.2, names[1]: 0.8 - 0.01 * len(others), **{name: 0.01 for name in others}}
flags = ["--sequence-length", LENGTH, "--batch", BATCH, "--seed", SEED]
flags += [f"--weight={name}={w!r}" for name, w in first.items()]
flags += [f"--weight={CHANGE}:{name}={w!r}" for name, w in second.items()]


def printed(step, *more):
    return gristmill("shards", "order", folder, "--step", step, *flags, *more)


run = shards.Run.open(folder, plan, seed=SEED, batch_rows=BATCH, mixture=first)
run.change(CHANGE, second)
failures = 0


def told(what, is_so):
    global failures
    failures += not is_so
    print(f"{what}: {'yes' if is_so else 'NO'}", flush=True)


start = time.monotonic()
steps = [printed(step) for step in range(options.steps)]
seconds = time.monotonic() - start
digests = [run.digest(step) for step in range(options.steps)]
told(f"{options.steps} steps have equal digests in the program ({seconds:.0f} s) and in Python",
     [f"{digest:016x}" for digest in digests] == [step["digest"] for step in steps])
told("and equal states", all(step["state"] == run.state(k) for k, step in enumerate(steps)))

counts = [collections.Counter(row["source"] for step in part for row in step["rows"])
          for part in (steps[:CHANGE], steps[CHANGE:])]
wanted = [{name: w * BATCH * len(part) for name, w in weights.items()}
          for part, weights in ((steps[:CHANGE], first), (steps[CHANGE:], second))]
shares = ", ".join(f"{name} {counts[0][name]} then {counts[1][name]}" for name in names)
told(f"weights change at step {CHANGE} (rows of {shares}; at most 2 from the exact number)",
     all(abs(found[name] - of[name]) < 2 for found, of in zip(counts, wanted) for name in names))

plain, same = shards.Run.open(options.shards, plan.name, seed=SEED, batch_rows=BATCH), True
for step in chance.sample(range(10**9), 5):
    of = gristmill("shards", "order", folder, "--step", step, *flags[:6])
    same &= (of["digest"], of["state"]) == (f"{plain.digest(step):016x}", plain.state(step))
told("without weights, both weight sources by their rows: equal digests and states at late steps",
     same)

for world in (1, 2, 4, 8):
    same = True
    for step in chance.sample(range(options.steps), 3):
        dealt = [printed(step, "--rank", rank, "--world", world, "--ids")["rows"]
                 for rank in range(world)]
        rows = sorted((row for rank in dealt for row in rank), key=lambda row: row["place"])
        same &= digest_of([row["ids"] for row in rows]) == digests[step]
        same &= all(row["place"] % world == rank for rank, of in enumerate(dealt) for row in of)
    told(f"{world} ranks of the program together read the global batch", same)


def global_digests(run, begin, n, world, workers):
    """Returns the digests of the global batches, joined from the loaders of all ranks."""
    run.first_step, micro = begin, BATCH // world // 2
    loaders = [DataLoader(StepDataset(run, rank, world, micro, begin + n), batch_size=None,
                          num_workers=workers) for rank in range(world)]
    ranks = [np.concatenate([batch.numpy() for batch in loader]) for loader in loaders]
    # Rank r has the rows r, r + world, … of each step.
    dealt = np.stack([rank.reshape(n, BATCH // world, -1) for rank in ranks])
    return [digest_of(batch) for batch in dealt.transpose(1, 2, 0, 3).reshape(n, BATCH, -1)]


for world in (1, 2, 4, 8):
    for workers in (0, 2, 4):
        begin, n = CHANGE - 6, 12
        told(f"{world} ranks × {workers} workers: one global sequence, across the change of "
             "weights",
             global_digests(run, begin, n, world, workers) == digests[begin : begin + n])

same = True
for step in chance.sample(range(options.steps - 3), 20):
    again = shards.Run.resume(folder, plan, steps[step]["state"])
    same &= again.first_step == step
    world, workers = chance.choice([1, 2, 4, 8]), chance.choice([0, 2])
    same &= global_digests(again, step, 3, world, workers) == digests[step : step + 3]
told("the package resumes from the program's states at 20 random steps, with any number of ranks "
     "and workers: no token skipped or repeated", same)

n_rows = sum(source["statistics"]["rows"] for source in packed["plan"]["sources"])
if n_rows <= shards.order.BATCH_ROWS_MAX:
    orders = []
    for epoch in range(2):
        of = gristmill("shards", "order", folder, "--step", epoch, "--sequence-length", LENGTH,
                       "--batch", n_rows, "--seed", SEED)["rows"]
        orders.append([row["row"] for row in of])
        told(f"epoch {epoch} has each of {n_rows:,} rows once",
             sorted(orders[-1]) == list(range(n_rows)) and {row["epoch"] for row in of} == {epoch})
    told("and the orders of the epochs differ", orders[0] != orders[1])

if options.trained:
    import pyarrow.parquet as parquet
    curve = parquet.read_table(options.trained / "training.parquet").to_pydict()
    settings = json.loads((options.trained / "manifest.json").read_text())
    trained = next(options.trained.glob("*.plan"))
    of = json.loads(next(options.trained.glob("checkpoints/*/state.json")).read_text())["train"]
    run = shards.Run.open(folder, trained, seed=of["seed"], batch_rows=of["batch_size"])
    n_steps = len(curve["step"])
    told(f"`pretrain` logged the digests of its {n_steps} steps (its step 1 is the order's step 0)",
         [f"{run.digest(step):016x}" for step in range(n_steps)] == curve["batch_digest"])
sys.exit(failures > 0)
