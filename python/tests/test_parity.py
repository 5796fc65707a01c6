"""Python reads the same as Rust."""

import json
import unittest

import numpy as np

import gristmill_shards as shards
from gristmill_shards.torch_data import StepDataset

from .golden import NAMES, golden, open_run


class Parity(unittest.TestCase):
    def test_a_thousand_steps_have_the_digests_of_rust(self):
        for name in NAMES:
            with self.subTest(name):
                folder, plan, expected = golden(name)
                run = shards.Run.resume(folder, plan, expected["state"])
                digests = [run.digest(step) for step in range(expected["steps"])]
                self.assertEqual([f"{d:016x}" for d in digests[:4]], expected["first_digests"])
                chain = shards.xxh3_64(np.array(digests, "<u8"))
                self.assertEqual(f"{chain:016x}", expected["digest_of_digests"])
                self.assertEqual(run.state(run.first_step), expected["state"])

    def test_the_key_is_pinned(self):
        self.assertEqual(shards.permutation_key("ab", 17, 2, "web"), 8_698_203_564_292_539_439)

    def test_states_of_something_else_are_refused(self):
        for name in NAMES:
            folder, plan, expected = golden(name)
            for field, value in [("root", "0" * 64), ("plan", "0" * 16), ("samples", [0, 0, 0])]:
                with self.subTest(name, field=field), self.assertRaises(shards.IdentityError):
                    shards.Run.resume(folder, plan, {**expected["state"], field: value})


class Rows(unittest.TestCase):
    def setUp(self):
        self.run_ = open_run()

    def test_rows_are_the_documents(self):
        """Each segment is part of a document of the index, and each label occurs exactly once."""
        run, seen = self.run_, {}
        for row in range(run.plan.n_rows):
            batch, filled = run.read([row]), 0
            for shard, start, length in run.plan.row(row).tolist():
                bounds = np.cumsum(run.dataset.document_tokens(shard))
                document = int(np.searchsorted(bounds, start, side="right"))
                self.assertLessEqual(start + length, bounds[document])
                tokens = run.dataset.tokens(shard, start, length)
                self.assertTrue((batch.tokens[0, filled : filled + length] == tokens).all())
                filled += length
                for place in range(start + 1, start + length):
                    seen[shard, place] = seen.get((shard, place), 0) + 1
        labels = sum(
            int((run.dataset.document_tokens(shard) - 1).sum())
            for shard in range(len(run.dataset.shards))
        )
        self.assertEqual((len(seen), set(seen.values())), (labels, {1}))

    def test_masks_and_positions(self):
        batch = self.run_.batch(3)
        labels, positions = batch.labels(), batch.positions()
        for row in range(len(batch.tokens)):
            bounds = batch.input_bounds(row)
            self.assertEqual((bounds[0], bounds[-1]), (0, 128))
            self.assertTrue((np.diff(bounds) > 0).all())
            self.assertTrue((positions[row, bounds[:-1]] == 0).all())
            ends = batch.document_ends[row]
            inside = np.ones(128, bool)
            inside[[end - 1 for end in ends if end <= 128]] = False
            inside[ends[-1] :] = False
            self.assertTrue((labels[row, inside] == batch.tokens[row, 1:][inside]).all())
            self.assertTrue((labels[row, ~inside] == -100).all())

    def test_weights_change_at_their_step(self):
        run = self.run_
        run.change(40, {"code": 0.25, "web": 0.75})
        counts = [run.order.counts(step) for step in (40, 41, 440)]
        later = np.array(counts[2]) - np.array(counts[0])
        names = [name for name, _ in run.plan.sources]
        given = dict(zip(names, later.tolist()))
        self.assertEqual(given, {"books": 0, "code": 800, "web": 2400})
        state = json.loads(json.dumps(run.state(60)))
        again = shards.Run.resume(run.dataset.folder, run.plan.path, state)
        self.assertEqual(
            [again.digest(s) for s in range(60, 64)], [run.digest(s) for s in range(60, 64)]
        )

    def test_sources_count_by_their_rows_unless_asked_otherwise(self):
        run = shards.Run.open(self.run_.dataset.folder, "best-fit-128.plan")
        rows = [rows for _, rows in run.plan.sources]
        self.assertEqual(run.state(0)["stages"][0]["weights"], rows)
        counts = run.order.counts(sum(rows))
        self.assertEqual(counts, [32 * n for n in rows], "after 32 epochs, in batches of 32")

    def test_ranks_and_resumption_without_torch(self):
        """The rows of all ranks together are the global batch, from any step on."""
        run = self.run_
        for world in (1, 2, 4, 8):
            for step in (0, 17, 401):
                again = shards.Run.resume(run.dataset.folder, run.plan.path, run.state(step))
                dealt = [again.batch(step, rank, world).tokens for rank in range(world)]
                whole = np.stack(dealt, 1).reshape(-1, run.row_tokens)
                digest = shards.xxh3_64(np.ascontiguousarray(whole, "<u4"))
                self.assertEqual(digest, run.digest(step))

    def test_a_budget_that_ranks_cannot_share_is_refused_at_the_start(self):
        folder = self.run_.dataset.folder
        for rows, is_shared in [(64, True), (66, True), (67, False)]:
            run = shards.Run.open(folder, "best-fit-128.plan", tokens=rows * 128)
            if is_shared:
                self.assertEqual(len(list(StepDataset(run, 1, 2))), 3 if rows > 64 else 2)
            else:
                with self.assertRaisesRegex(shards.ShardError, "a batch is a multiple"):
                    StepDataset(run, 1, 2)

    def test_each_epoch_has_every_row_once(self):
        plan = self.run_.plan
        rows = [rows for _, rows in plan.sources]
        order = shards.Order(plan, 9, [shards.Stage(0, 7, rows)])
        for epoch in range(3):
            of_epoch = order.rows_of(epoch * plan.n_rows, plan.n_rows)
            self.assertEqual(sorted(of_epoch.tolist()), list(range(plan.n_rows)))

    def test_large_permutations_are_permutations(self):
        permutation = shards.Permutation(5001, 3)
        self.assertEqual(sorted(permutation(np.arange(5001)).tolist()), list(range(5001)))
