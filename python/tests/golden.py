"""The golden datasets that `cargo run -p gristmill-shards --example golden` writes."""

import json
from pathlib import Path

import gristmill_shards as shards

DATA = Path(__file__).parent / "data"
NAMES = ["narrow/best-fit-128", "narrow/concat-128", "wide/best-fit-128", "wide/concat-128"]


def golden(name):
    """Returns a dataset's folder, a plan, and what Rust read from them."""
    plan = DATA / f"{name}.plan"
    return plan.parent, plan, json.loads(plan.with_suffix(".golden.json").read_text())


def open_run():
    """Returns the run that a golden state describes, from its first step on."""
    folder, plan, expected = golden(NAMES[0])
    run = shards.Run.resume(folder, plan, expected["state"])
    run.first_step = 0
    return run
