"""Datasets for PyTorch's loaders. Torch itself is needed only to make a `DataLoader`.

Both kinds give one global sequence with any number of ranks and workers. Loaders read ahead, so a
dataset has returned more than was trained on. Therefore save the number of finished steps and use
`run.state(step)`, or use torchdata's `StatefulDataLoader`, which keeps the state of the batch that
it returned last.
"""

import numpy as np

from .errors import IdentityError, ShardError

# Samples within such a span are looked up together.
_SPAN_MAX = 1 << 16

try:
    from torch.utils.data import Dataset as _Dataset
    from torch.utils.data import IterableDataset as _IterableDataset
    from torch.utils.data import get_worker_info
except ImportError:
    _Dataset = _IterableDataset = object

    def get_worker_info():
        """Returns None: without torch there are no workers."""
        return None


class RowDataset(_Dataset):
    """Map-style: item `g` is sample `g` of the run, as int64 `(row_tokens,)`.

    Use it with `RankBatches` as the loader's `batch_sampler`.
    """

    def __init__(self, run):
        self.run = run

    def __len__(self):
        total = self.run.order.samples_total
        return self.run.plan.n_rows if total is None else total

    def __getitem__(self, sample):
        return self.__getitems__([sample])[0]

    def __getitems__(self, samples):
        """Returns the items of several samples, read at once."""
        samples = np.asarray(samples, np.int64)
        first, span = int(samples.min()), int(np.ptp(samples)) + 1
        if span <= _SPAN_MAX:
            rows = self.run.order.rows_of(first, span)[samples - first]
        else:
            rows = [self.run.order.rows_of(sample, 1)[0] for sample in samples.tolist()]
        return list(self.run.read(rows).tokens.astype(np.int64))


def _last_step(run, rank, world, last_step):
    """Returns the step to end before. Checks now, not at the end of the run, that the batches can
    be distributed to the ranks."""
    total = run.order.steps_total
    last_step = total if last_step is None else last_step
    run.order.rank_rows(run.first_step, rank, world)
    if total is not None and last_step >= total:
        run.order.rank_rows(total - 1, rank, world)
    return last_step


class RankBatches:
    """A batch sampler: yields the samples of each micro-batch of one rank, step by step.

    A rank's rows of a step are cut into micro-batches of `micro_batch` rows. By default they are
    one micro-batch.
    """

    def __init__(self, run, rank=0, world=1, micro_batch=None, last_step=None):
        self.run, self.rank, self.world, self.micro_batch = run, rank, world, micro_batch
        self.last_step = _last_step(run, rank, world, last_step)
        self.step, self.micro = run.first_step, 0

    def __iter__(self):
        while self.last_step is None or self.step < self.last_step:
            samples = self._samples()
            if not samples:
                return
            size = self.micro_batch or len(samples)
            for start in range(self.micro * size, len(samples), size):
                self.micro += 1
                yield samples[start : start + size]
            self.step, self.micro = self.step + 1, 0

    def _samples(self):
        samples = self.run.order.samples_of(self.step)
        if len(samples) % self.world or not 0 <= self.rank < self.world:
            raise ShardError(
                f"the {len(samples)} rows of step {self.step} cannot be distributed to rank "
                f"{self.rank} of {self.world}: a batch is a multiple of the ranks"
            )
        return list(samples[self.rank :: self.world])

    def state_dict(self):
        """Returns the position of the sampler and the run's state."""
        return {"run": self.run.state(self.step), "micro": self.micro}

    def load_state_dict(self, state):
        """Resumes from a state of this run."""
        self.step, self.micro = self.run.order.resume(state["run"]), state["micro"]


class StepDataset(_IterableDataset):
    """Iterable: yields the micro-batches of one rank, each `(micro_batch, row_tokens)` as int64.

    Use it with `DataLoader(dataset, batch_size=None, num_workers=W)`. Worker `w` makes the
    micro-batches `w`, `w + W`, … and the loader takes them in turn, so the sequence is the same for
    any `W`. With `as_rows` it yields single rows, for loaders that make batches themselves; their
    `batch_size` must be `micro_batch`. `transform(batch, row)` makes each item; `row` is the index
    of the row in the `Batch`, or None for the whole batch.
    """

    def __init__(
        self,
        run,
        rank=0,
        world=1,
        micro_batch=None,
        last_step=None,
        as_rows=False,
        transform=None,
    ):
        self.run, self.rank, self.world, self.micro_batch = run, rank, world, micro_batch
        self.last_step = _last_step(run, rank, world, last_step)
        self.as_rows, self.transform = as_rows, transform
        # The position to resume at: step, micro-batch and row. Once a worker has started, also the
        # number of other workers' micro-batches before its own next one, and the number of workers.
        self._place, self._skip, self._workers = (run.first_step, 0, 0), 0, None

    def __iter__(self):
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        if self._workers not in (None, workers):
            raise IdentityError("number of workers", self._workers, workers)
        skip = number if self._workers is None else self._skip
        self._workers, self._skip = workers, skip
        (step, micro, row) = self._place
        for step, micro, rows in self._micro_batches(step, micro):
            if skip:
                skip -= 1
                continue
            batch = self.run.read(rows)
            for at in range(row, len(rows)) if self.as_rows else [None]:
                if at is None or at + 1 == len(rows):
                    self._place, self._skip = (step, micro + 1, 0), workers - 1
                else:
                    self._place, self._skip = (step, micro, at + 1), 0
                yield self._item(batch, at)
            row, skip = 0, workers - 1
        self._place, self._skip, self._workers = (self.run.first_step, 0, 0), 0, None

    def _micro_batches(self, step, micro):
        """Yields the micro-batches from a position on: step, number, and the rows to read."""
        while self.last_step is None or step < self.last_step:
            rows = self.run.order.rank_rows(step, self.rank, self.world)
            if not len(rows):
                return
            size = self.micro_batch or len(rows)
            for number in range(micro, -(-len(rows) // size)):
                yield step, number, rows[number * size : (number + 1) * size]
            step, micro = step + 1, 0

    def _item(self, batch, row):
        if self.transform is not None:
            return self.transform(batch, row)
        tokens = batch.tokens if row is None else batch.tokens[row]
        return tokens.astype(np.int64)

    def state_dict(self):
        """Returns the position of this copy of the dataset, and the run's state."""
        step, micro, row = self._place
        return {
            "run": self.run.state(step),
            "micro": micro,
            "row": row,
            "skip": self._skip,
            "workers": self._workers,
            "dealt": [self.rank, self.world, self.micro_batch],
        }

    def load_state_dict(self, state):
        """Resumes from a state of `state_dict`, or from a run's state, which fits any loader."""
        if "run" not in state:
            self._place, self._skip = (self.run.order.resume(state), 0, 0), 0
            self._workers = None
            return
        dealt = [self.rank, self.world, self.micro_batch]
        if list(state["dealt"]) != dealt:
            raise IdentityError("rank, world and micro-batch", state["dealt"], dealt)
        step = self.run.order.resume(state["run"])
        self._place = step, state["micro"], state["row"]
        self._skip, self._workers = state["skip"], state["workers"]
