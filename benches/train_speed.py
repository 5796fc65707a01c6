"""Compares training speed and memory of the model crate with PyTorch's, in alternating runs.

usage: train_speed.py TRAIN_SPEED BASELINE [--python PYTHON] [--rounds 3] [--steps 8]
                      [--threads 2] [--shape SHAPE] [--compile]

TRAIN_SPEED is the built example `train_speed` of the crate model. BASELINE is a script that trains
the same decoder with PyTorch and prints `tokens/s=`. PYTHON is an interpreter with torch. SHAPE is
reference (the default, 5.3 M parameters), 25m, 32k or 128k (large vocabularies), or
`vocabulary,dim,layers,heads,ffn,context,batch`. --compile adds torch.compile. Prints the medians of
tokens per second by wall-clock time and by processor time, which is more reliable on a machine with
other work, and the largest peak memory.
"""
import argparse
import os
import re
import resource
import statistics
import subprocess
import sys

SHAPES = {
    "reference": "4096,256,4,4,704,256,16",
    "25m": "4096,512,6,8,1536,256,16",
    "32k": "32768,256,4,4,704,256,16",
    "128k": "131072,256,4,4,704,256,16",
}
NAMES = ("vocab", "dim", "layers", "heads", "hidden", "ctx", "batch")


def run(command, environment, pattern):
    """Returns the printed tokens per second, processor seconds and peak memory in MB."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    found = re.findall(pattern, output)
    if status != 0 or not found:
        sys.exit(f"{command[0]} failed: {output[-500:]}")
    return float(found[-1]), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def contenders(arguments):
    shape = SHAPES.get(arguments.shape, arguments.shape)
    threads = str(arguments.threads)
    torch = [arguments.python, arguments.baseline, "--threads", threads]
    torch += [part for name, value in zip(NAMES, shape.split(",")) for part in (f"--{name}", value)]

    def ours(steps):
        return [arguments.train_speed, shape, str(steps)]

    def eager(steps):
        return [*torch, "--steps", str(steps)]

    def compiled(steps):
        return [*torch, "--steps", str(steps), "--compile"]

    wait = {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": threads}
    yield "gristmill", ours, {"RAYON_NUM_THREADS": threads}, r"median (\d+) tokens/s"
    yield "torch eager", eager, wait, r"tokens/s=(\d+)"
    if arguments.compile:
        yield "torch compile", compiled, wait, r"tokens/s=(\d+)"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("train_speed")
    parser.add_argument("baseline")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", default="reference")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    *_, context, batch = map(int, SHAPES.get(arguments.shape, arguments.shape).split(","))
    results = {}
    for _, command, environment, pattern in contenders(arguments):
        # The first run of torch.compile fills its cache.
        run(command(1), environment, pattern)
    for _ in range(arguments.rounds):
        for name, command, environment, pattern in contenders(arguments):
            # The difference of a long and a short run excludes start-up and the first step.
            _, short, _ = run(command(1), environment, pattern)
            speed, long, memory = run(command(1 + arguments.steps), environment, pattern)
            by_processor = arguments.steps * batch * context / max(long - short, 1e-9)
            results.setdefault(name, []).append((speed, by_processor, memory))
            print(
                f"{name}: {speed:.0f} tokens/s, {by_processor:.0f} per processor second, "
                f"{memory:.0f} MB",
                flush=True,
            )
    baseline = None
    for name, rows in results.items():
        speed, processor, _ = (statistics.median(column) for column in zip(*rows))
        baseline = baseline or (speed, processor)
        memory = max(row[2] for row in rows)
        print(
            f"{arguments.shape} {name}: median {speed:.0f} tokens/s "
            f"(gristmill {baseline[0] / speed:.2f} times as many), "
            f"{processor:.0f} per processor second ({baseline[1] / processor:.2f} times), "
            f"peak {memory:.0f} MB"
        )


if __name__ == "__main__":
    main()
