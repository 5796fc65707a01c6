"""The golden datasets, which `cargo run -p gristmill-shards --example golden` writes."""

import json
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(DATA.parent.parent))


@pytest.fixture(params=["narrow/best-fit-128", "narrow/concat-128", "wide/best-fit-128"])
def golden(request):
    """A dataset's folder, a plan, and what Rust read of it."""
    plan = DATA / f"{request.param}.plan"
    return plan.parent, plan, json.loads(plan.with_suffix(".golden.json").read_text())


@pytest.fixture
def run():
    """The run that the golden state describes."""
    import gristmill_shards as shards

    plan = DATA / "narrow/best-fit-128.plan"
    state = json.loads(plan.with_suffix(".golden.json").read_text())["state"]
    run = shards.Run.resume(plan.parent, plan, state)
    run.first_step = 0
    return run
