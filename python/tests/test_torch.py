"""PyTorch's loaders give one global sequence with any number of ranks and workers."""

import itertools
import json
import random
import unittest
import warnings

import numpy as np

import gristmill_shards as shards
from gristmill_shards.adapters import nanogpt_get_batch, torchtitan_dataset
from gristmill_shards.torch_data import RankBatches, RowDataset, StepDataset

from .golden import open_run

try:
    import torch
    from torch.utils.data import DataLoader
except ImportError:
    torch = None
try:
    from torchdata import stateful_dataloader
except ImportError:
    stateful_dataloader = None

STEPS = 12


def global_batches(loaders, steps, micro_per_step):
    """Joins the ranks' micro-batches into global batches, step by step."""
    iterators = [iter(loader) for loader in loaders]
    for _ in range(steps):
        ranks = []
        for iterator in iterators:
            micros = [next(iterator).numpy() for _ in range(micro_per_step)]
            ranks.append(np.concatenate(micros))
        yield np.stack(ranks, axis=1).reshape(-1, ranks[0].shape[1])


def digests(run, first=0, steps=STEPS):
    return [run.digest(step) for step in range(first, first + steps)]


def digest_of(tokens):
    return shards.xxh3_64(np.ascontiguousarray(tokens, "<u4"))


@unittest.skipIf(torch is None, "torch is not installed")
class Loaders(unittest.TestCase):
    def setUp(self):
        # This test deliberately uses more workers than cores.
        warnings.simplefilter("ignore")
        self.addCleanup(warnings.resetwarnings)
        self.run_ = open_run()

    def loaders(self, form, world, workers, micro_batch):
        for rank in range(world):
            if form == "iterable":
                dataset = StepDataset(self.run_, rank, world, micro_batch, STEPS)
                yield DataLoader(dataset, batch_size=None, num_workers=workers)
            else:
                sampler = RankBatches(self.run_, rank, world, micro_batch, STEPS)
                yield DataLoader(RowDataset(self.run_), batch_sampler=sampler, num_workers=workers)

    def test_ranks_and_workers_give_one_sequence(self):
        expected = digests(self.run_)
        cases = itertools.product(["iterable", "map"], [1, 2, 4, 8], [0, 2, 4])
        for form, world, workers in cases:
            with self.subTest(form=form, world=world, workers=workers):
                micro_per_step = 1 if world == 8 else 2
                micro_batch = 8 // world // micro_per_step
                loaders = list(self.loaders(form, world, workers, micro_batch))
                batches = global_batches(loaders, STEPS, micro_per_step)
                self.assertEqual([digest_of(batch) for batch in batches], expected)

    def test_stop_and_resume_at_random_steps(self):
        run, chosen = self.run_, random.Random(7).sample(range(STEPS * 80), 20)
        for number, step in enumerate(chosen):
            state = json.loads(json.dumps(run.state(step)))
            again = shards.Run.resume(run.dataset.folder, run.plan.path, state)
            dataset = StepDataset(again, last_step=step + 2)
            loader = DataLoader(dataset, batch_size=None, num_workers=number % 3)
            self.assertEqual([digest_of(b.numpy()) for b in loader], digests(run, step, 2))

    def test_state_dict_goes_on_after_each_item(self):
        run = self.run_
        for as_rows in (False, True):
            whole = [item.copy() for item in StepDataset(run, 1, 2, 2, STEPS, as_rows)]
            for stop in (0, 1, 2, 3, 7, len(whole) - 1):
                dataset = StepDataset(run, 1, 2, 2, STEPS, as_rows)
                taken = list(itertools.islice(dataset, stop))
                state = json.loads(json.dumps(dataset.state_dict()))
                again = StepDataset(run, 1, 2, 2, STEPS, as_rows)
                again.load_state_dict(state)
                found = np.stack([*taken, *again])
                self.assertTrue(np.array_equal(found, np.stack(whole)), (as_rows, stop))
        with self.assertRaises(shards.IdentityError):
            StepDataset(run, 0, 2, 2).load_state_dict(state)

    @unittest.skipIf(stateful_dataloader is None, "torchdata is not installed")
    def test_stateful_data_loader(self):
        def loader(workers):
            dataset = StepDataset(self.run_, 0, 2, 2, STEPS)
            kind = stateful_dataloader.StatefulDataLoader
            return kind(dataset, batch_size=None, num_workers=workers)

        for workers in (0, 2):
            whole = [np.asarray(batch) for batch in loader(workers)]
            for stop in (1, 5, 10):
                first = loader(workers)
                taken = [np.asarray(batch) for batch in itertools.islice(iter(first), stop)]
                second = loader(workers)
                second.load_state_dict(first.state_dict())
                taken += [np.asarray(batch) for batch in second]
                self.assertTrue(np.array_equal(np.stack(taken), np.stack(whole)), (workers, stop))

    def test_nanogpt(self):
        run = self.run_
        validation = shards.Run.open(run.dataset.folder, run.plan.path, batch_rows=4)
        get_batch = nanogpt_get_batch(run, validation, micro_batch=4)
        for step in range(3):
            halves = []
            for _ in range(2):
                x, y = get_batch("train")
                get_batch.estimate("val")
                # Targets of padding are -1; the padding itself is end of text.
                y = torch.where(y == -1, run.dataset.end_of_text, y)
                self.assertTrue(torch.equal(x[:, 1:], y[:, :-1]))
                self.assertEqual(x.dtype, torch.int64)
                halves.append(torch.cat([x, y[:, -1:]], dim=1))
            self.assertEqual(digest_of(torch.cat(halves).numpy()), run.digest(step))
        get_batch.begin_estimate()
        first = get_batch.estimate("val")[0]
        get_batch.begin_estimate()
        self.assertTrue(torch.equal(first, get_batch.estimate("val")[0]))

    def test_torchtitan(self):
        """Makes batches of single rows, as torchtitan's loader does."""
        for workers, rank in itertools.product((0, 2), (0, 1)):
            dataset = torchtitan_dataset(self.run_, rank, 2, 4)
            loader = DataLoader(dataset, batch_size=4, num_workers=workers)
            for step, (inputs, labels) in zip(range(3), loader):
                expected = self.run_.batch(step, rank, 2)
                self.assertTrue((inputs["input"].numpy() == expected.inputs()).all())
                self.assertTrue((inputs["positions"].numpy() == expected.positions()).all())
                self.assertTrue((labels.numpy() == expected.labels(mask_documents=False)).all())
