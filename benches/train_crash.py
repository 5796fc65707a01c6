"""Kills a pretraining at random steps, resumes it, and compares the files with an unbroken run.

usage: train_crash.py GRISTMILL SHARDS [--steps 60] [--kills 5] [--seed 1] [--checkpoint-every 7]
                      [--threads 2] [--work FOLDER] [FLAGS OF PRETRAIN]

SHARDS need held-out documents. The process is killed by SIGKILL at random steps, mostly between two
checkpoints. The step is estimated from half of the unbroken run's seconds per step, so that the run
does not finish first. Each resumed run uses another number of threads than the one before. Weights,
moments, the state with the whole curve, and both tables must be equal byte for byte. Ends with an
error if a file differs.
"""
import argparse
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

# Files that may differ.
APART = {"events.jsonl", ".lock"}


def tree(root):
    files = sorted(p for p in root.rglob("*") if p.is_file() and p.name not in APART)
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def kill(process, output, step, pace):
    """Kills the process at about this step. Returns False if it ended before."""
    every, seconds_a_step = pace
    wanted = step // every * every
    while process.poll() is None:
        saved = [int(folder.name[-8:]) for folder in (output / "checkpoints").glob("step-*")]
        if (output / "journal.jsonl").exists() and max(saved, default=0) >= wanted:
            time.sleep(0.5 * (step % every) * seconds_a_step)
            process.kill()
            process.wait()
            return not (output / "manifest.json").exists()
        time.sleep(0.002)
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gristmill")
    parser.add_argument("shards")
    for name, default in dict(steps=60, kills=5, seed=1, checkpoint_every=7, threads=2).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--work")
    options, flags = parser.parse_known_args()
    chance = random.Random(options.seed)
    kills = sorted(chance.sample(range(1, options.steps - options.checkpoint_every), options.kills))
    shape = flags or ["--preset", "tiny", "--batch", "4", "--context", "128"]

    def command(output, threads):
        return [
            options.gristmill, "pretrain", options.shards, *shape, "--steps", str(options.steps),
            "--checkpoint-every", str(options.checkpoint_every), "--eval-every", "20",
            "--output", str(output), "--threads", str(threads), "--resume",
        ]

    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(options.work or temporary)
        shutil.rmtree(work / "whole", ignore_errors=True)
        shutil.rmtree(work / "killed", ignore_errors=True)
        start = time.perf_counter()
        unbroken = [*command(work / "whole", options.threads), "--quiet"]
        subprocess.run(unbroken, check=True, stdout=subprocess.PIPE)
        seconds_a_step = (time.perf_counter() - start) / options.steps
        killed = []
        for index, step in enumerate([*kills, None]):
            threads = options.threads - index % options.threads
            resumed = [*command(work / "killed", threads), "--quiet"]
            process = subprocess.Popen(resumed, stdout=subprocess.DEVNULL)
            pace = options.checkpoint_every, seconds_a_step
            if step and kill(process, work / "killed", step, pace):
                killed.append(step)
            elif process.wait() != 0:
                sys.exit("a run failed")
            if (work / "killed" / "manifest.json").exists():
                break
        whole, rest = tree(work / "whole"), tree(work / "killed")
        different = [name for name in sorted(whole | rest) if whole.get(name) != rest.get(name)]
        state = next((work / "whole" / "checkpoints").glob(f"*{options.steps}/state.json"))
        losses = [point["loss"] for point in json.loads(state.read_text())["curve"]["steps"]]
    print(
        f"killed at about steps {', '.join(map(str, killed))} of {options.steps}; "
        f"loss {losses[0]:.4f} -> {losses[-1]:.4f}; "
        + (f"DIFFERENT: {different}" if different else f"{len(whole)} files, identical")
    )
    sys.exit(1 if different or not killed else 0)


if __name__ == "__main__":
    main()
