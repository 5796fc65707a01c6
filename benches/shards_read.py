#!/usr/bin/env python3
"""Measures the Python reader on a dataset written by `shards_speed write FOLDER 100`.

    benches/shards_read.py FOLDER

`shards_speed` is an example of the shards crate. Times are processor times, so other work on the
machine does not matter.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
import gristmill_shards as shards  # noqa: E402

BATCH_ROWS = 64
STEPS = 200


def timed(what, work):
    start = time.process_time()
    result = work()
    print(f"{what}: {1e3 * (time.process_time() - start):.2f} ms")
    return result


def main():
    folder = Path(sys.argv[1])
    run = timed(
        "open",
        lambda: shards.Run.open(folder, folder / "plan", batch_rows=BATCH_ROWS, check=False),
    )
    timed("first row", lambda: run.read([0]))
    run.order.rows(10**9)
    timed("order of a step", lambda: run.order.rows(10**9 + 1))
    batch = run.batch(0)
    timed("digest of a step", batch.digest)
    for check in (False, True):
        run = shards.Run.open(folder, folder / "plan", batch_rows=BATCH_ROWS, check=check)
        start = time.process_time()
        tokens = sum(run.batch(step).tokens.size for step in range(STEPS))
        seconds = time.process_time() - start
        print(f"read, check={check}: {tokens / seconds / 1e6:.0f} M tokens/s")


if __name__ == "__main__":
    main()
