"""One global sequence through PyTorch's loaders, whatever the ranks and workers."""

import itertools
import json
import random

import numpy as np
import pytest

import gristmill_shards as shards
from gristmill_shards.adapters import nanogpt_get_batch, torchtitan_dataset
from gristmill_shards.torch_data import RankBatches, RowDataset, StepDataset

torch = pytest.importorskip("torch")
from torch.utils.data import DataLoader  # noqa: E402

STEPS = 12


def global_batches(loaders, steps, micro_per_step):
    """Puts the ranks' micro-batches together again, step by step."""
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


@pytest.mark.parametrize("world", [1, 2, 4, 8])
@pytest.mark.parametrize("workers", [0, 2, 4])
@pytest.mark.parametrize("form", ["iterable", "map"])
def test_ranks_and_workers_give_one_sequence(run, world, workers, form):
    micro_per_step = 1 if world == 8 else 2
    micro_batch = 8 // world // micro_per_step
    loaders = []
    for rank in range(world):
        if form == "iterable":
            dataset = StepDataset(run, rank, world, micro_batch, STEPS)
            loaders.append(DataLoader(dataset, batch_size=None, num_workers=workers))
        else:
            sampler = RankBatches(run, rank, world, micro_batch, STEPS)
            dataset = RowDataset(run)
            loaders.append(DataLoader(dataset, batch_sampler=sampler, num_workers=workers))
    found = [digest_of(batch) for batch in global_batches(loaders, STEPS, micro_per_step)]
    assert found == digests(run)


@pytest.mark.parametrize("workers", [0, 2])
def test_stop_and_resume_at_random_steps(run, workers):
    chosen = random.Random(7).sample(range(STEPS * 80), 20)
    for step in chosen:
        state = json.loads(json.dumps(run.state(step)))
        again = shards.Run.resume(run.dataset.folder, run.plan.path, state)
        dataset = StepDataset(again, last_step=step + 2)
        loader = DataLoader(dataset, batch_size=None, num_workers=workers)
        assert [digest_of(batch.numpy()) for batch in loader] == digests(run, step, 2)


def test_state_dict_goes_on_after_each_item(run):
    for as_rows in (False, True):
        whole = [item.copy() for item in StepDataset(run, 1, 2, 2, STEPS, as_rows)]
        for stop in (0, 1, 2, 3, 7, len(whole) - 1):
            dataset = StepDataset(run, 1, 2, 2, STEPS, as_rows)
            taken = list(itertools.islice(dataset, stop))
            state = json.loads(json.dumps(dataset.state_dict()))
            again = StepDataset(run, 1, 2, 2, STEPS, as_rows)
            again.load_state_dict(state)
            assert np.array_equal(np.stack([*taken, *again]), np.stack(whole)), (as_rows, stop)
    with pytest.raises(shards.IdentityError):
        StepDataset(run, 0, 2, 2).load_state_dict(state)


@pytest.mark.parametrize("workers", [0, 2])
def test_stateful_data_loader(run, workers):
    stateful = pytest.importorskip("torchdata.stateful_dataloader")

    def loader():
        dataset = StepDataset(run, 0, 2, 2, STEPS)
        return stateful.StatefulDataLoader(dataset, batch_size=None, num_workers=workers)

    whole = [np.asarray(batch) for batch in loader()]
    for stop in (1, 5, 10):
        first = loader()
        taken = [np.asarray(batch) for batch in itertools.islice(iter(first), stop)]
        second = loader()
        second.load_state_dict(first.state_dict())
        taken += [np.asarray(batch) for batch in second]
        assert np.array_equal(np.stack(taken), np.stack(whole)), stop


def test_nanogpt(run):
    validation = shards.Run.open(run.dataset.folder, run.plan.path, batch_rows=4)
    get_batch = nanogpt_get_batch(run, validation, micro_batch=4)
    for step in range(3):
        halves = []
        for _ in range(2):
            x, y = get_batch("train")
            get_batch.estimate("val")
            # Targets that are padding are -1; the padding is end of text.
            y = torch.where(y == -1, run.dataset.end_of_text, y)
            assert torch.equal(x[:, 1:], y[:, :-1]) and x.dtype == torch.int64
            halves.append(torch.cat([x, y[:, -1:]], dim=1))
        assert digest_of(torch.cat(halves).numpy()) == run.digest(step)
    get_batch.begin_estimate()
    first = get_batch.estimate("val")[0]
    get_batch.begin_estimate()
    assert torch.equal(first, get_batch.estimate("val")[0])


@pytest.mark.parametrize("workers", [0, 2])
def test_torchtitan(run, workers):
    """As its loader does: batches made of rows, by batch size."""
    for rank in range(2):
        dataset = torchtitan_dataset(run, rank, 2, 4)
        loader = DataLoader(dataset, batch_size=4, num_workers=workers)
        for step, (inputs, labels) in zip(range(3), loader):
            expected = run.batch(step, rank, 2)
            assert (inputs["input"].numpy() == expected.inputs()).all()
            assert (inputs["positions"].numpy() == expected.positions()).all()
            assert (labels.numpy() == expected.labels(mask_documents=False)).all()
