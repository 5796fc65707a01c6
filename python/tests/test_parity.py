"""What Rust read, Python reads."""

import json

import numpy as np
import pytest

import gristmill_shards as shards


def test_a_thousand_steps_have_the_digests_of_rust(golden):
    folder, plan, expected = golden
    run = shards.Run.resume(folder, plan, expected["state"])
    digests = [run.digest(step) for step in range(expected["steps"])]
    assert [f"{digest:016x}" for digest in digests[:4]] == expected["first_digests"]
    chain = np.array(digests, "<u8")
    assert f"{shards.xxh3_64(chain):016x}" == expected["digest_of_digests"]
    assert run.state(run.first_step) == expected["state"]


def test_the_key_is_pinned():
    assert shards.permutation_key("ab", 17, 2, "web") == 8_698_203_564_292_539_439


def test_rows_are_the_documents(run):
    """Each segment is a stretch of a document of the index, and its tokens end with its end."""
    seen = {}
    for row in range(run.plan.n_rows):
        batch = run.read([row])
        filled = 0
        for shard, start, length in run.plan.row(row).tolist():
            bounds = np.cumsum(run.dataset.document_tokens(shard))
            document = int(np.searchsorted(bounds, start, side="right"))
            assert start + length <= bounds[document]
            tokens = run.dataset.tokens(shard, start, length)
            assert (batch.tokens[0, filled : filled + length] == tokens).all()
            filled += length
            for place in range(start + 1, start + length):
                seen[shard, place] = seen.get((shard, place), 0) + 1
    labels = sum(
        int((run.dataset.document_tokens(shard) - 1).sum())
        for shard in range(len(run.dataset.shards))
    )
    assert len(seen) == labels and set(seen.values()) == {1}, "each label once"


def test_masks_and_positions(run):
    batch = run.batch(3)
    labels, positions = batch.labels(), batch.positions()
    for row in range(len(batch.tokens)):
        bounds = batch.input_bounds(row)
        assert bounds[0] == 0 and bounds[-1] == 128 and (np.diff(bounds) > 0).all()
        assert (positions[row, bounds[:-1]] == 0).all()
        ends = batch.document_ends[row]
        inside = np.ones(128, bool)
        inside[[end - 1 for end in ends if end <= 128]] = False
        inside[ends[-1] :] = False
        assert (labels[row, inside] == batch.tokens[row, 1:][inside]).all()
        assert (labels[row, ~inside] == -100).all()


def test_weights_change_at_their_step(run):
    run.change(40, {"code": 0.25, "web": 0.75})
    counts = [run.order.counts(step) for step in (40, 41, 440)]
    later = np.array(counts[2]) - np.array(counts[0])
    names = [name for name, _ in run.plan.sources]
    assert dict(zip(names, later.tolist())) == {"books": 0, "code": 800, "web": 2400}
    state = json.loads(json.dumps(run.state(60)))
    again = shards.Run.resume(run.dataset.folder, run.plan.path, state)
    assert [again.digest(s) for s in range(60, 64)] == [run.digest(s) for s in range(60, 64)]


def test_each_epoch_has_every_row_once(run):
    plan = run.plan
    rows = [rows for _, rows in plan.sources]
    order = shards.Order(plan, 9, [shards.Stage(0, 7, rows)])
    for epoch in range(3):
        of_epoch = order.rows_of(epoch * plan.n_rows, plan.n_rows)
        assert sorted(of_epoch.tolist()) == list(range(plan.n_rows))


def test_large_permutations_are_permutations():
    permutation = shards.Permutation(5001, 3)
    assert sorted(permutation(np.arange(5001)).tolist()) == list(range(5001))


def test_states_of_something_else_are_refused(golden):
    folder, plan, expected = golden
    for field, value in [("root", "0" * 64), ("plan", "0" * 16), ("samples", [0, 0, 0])]:
        with pytest.raises(shards.IdentityError):
            shards.Run.resume(folder, plan, {**expected["state"], field: value})
