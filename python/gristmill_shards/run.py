"""A run: a dataset with a plan, read in an order. Every adapter reads from a run."""

from pathlib import Path

import numpy as np

from .dataset import Dataset
from .errors import IdentityError, ShardError
from .mixture import WEIGHT_SUM_MAX, weights_from_fractions
from .order import Order, Stage, rows_for_tokens
from .plan import Plan
from .xxh3 import xxh3_64

IGNORED = -100


class Batch:
    """Rows of tokens `(rows, row_tokens)` as u32, with the ends of the documents in each row."""

    def __init__(self, rows, tokens, document_ends):
        self.rows, self.tokens, self.document_ends = rows, tokens, document_ends

    def digest(self):
        """Returns the XXH3-64 of the tokens as little-endian u32. For a global batch it identifies
        what was read."""
        return xxh3_64(np.ascontiguousarray(self.tokens, "<u4"))

    def inputs(self):
        """Returns all tokens of each row except the last, as int64."""
        return self.tokens[:, :-1].astype(np.int64)

    def labels(self, mask_documents=True):
        """Returns all tokens of each row except the first, as int64.

        Padding is always ignored (-100). With `mask_documents`, the first token of each document is
        ignored too, because no token of the same document precedes it.
        """
        labels = self.tokens[:, 1:].astype(np.int64)
        for row, ends in enumerate(self.document_ends):
            labels[row, max(int(ends[-1]) - 1, 0) if len(ends) else 0 :] = IGNORED
            if mask_documents:
                labels[row, np.asarray(ends[:-1], np.int64) - 1] = IGNORED
        return labels

    def positions(self):
        """Returns the position of each input within its document in the row, as int64."""
        inputs = self.tokens.shape[1] - 1
        positions = np.tile(np.arange(inputs), (len(self.tokens), 1))
        for row in range(len(self.tokens)):
            bounds = self.input_bounds(row)
            positions[row] -= np.repeat(bounds[:-1], np.diff(bounds))
        return positions

    def input_bounds(self, row):
        """Returns the bounds of documents among a row's inputs (`cu_seqlens`). Padding counts as a
        document."""
        inputs = self.tokens.shape[1] - 1
        ends = [int(end) for end in self.document_ends[row] if end < inputs]
        return np.array([0, *ends, inputs], np.int32)


def _open(folder, plan):
    """Returns the folder of shards, and the plan in that folder or at its own path."""
    folder, plan = Path(folder), Path(plan)
    if not (folder / "shards.json").is_file() and (folder / "shards").is_dir():
        folder = folder / "shards"
    beside = folder / plan
    return folder, Plan(beside if not plan.is_file() and beside.is_file() else plan)


class Run:
    """A dataset's rows in the order of a run."""

    def __init__(self, dataset, plan, order):
        if plan.root != dataset.root:
            raise IdentityError("dataset root", plan.root, dataset.root)
        if plan.split != dataset.split:
            raise IdentityError("half", plan.split, dataset.split)
        self.dataset, self.plan, self.order = dataset, plan, order
        self.first_step = 0

    @classmethod
    def open(cls, folder, plan, seed=17, batch_rows=32, mixture=None, tokens=None, check=True):
        """Opens a run of one stage: the same as `gristmill shards order` with the same flags.

        `folder` is a folder of shards, or a run directory that has one. `plan` is the path of a
        plan, or its name in that folder. `mixture` maps the names of sources to fractions; by
        default sources are weighted by their rows. `tokens` is the run's budget, rounded up to
        whole rows.
        """
        folder, plan = _open(folder, plan)
        weights = cls.weights(plan, mixture)
        total = None if tokens is None else rows_for_tokens(tokens, plan.sequence_length)
        order = Order(plan, seed, [Stage(0, batch_rows, weights)], total)
        return cls(Dataset(folder, plan.split, check), plan, order)

    @classmethod
    def resume(cls, folder, plan, state, check=True):
        """Opens the run that a state describes, to resume at `first_step`."""
        folder, plan = _open(folder, plan)
        order, step = Order.from_state(plan, state)
        run = cls(Dataset(folder, plan.split, check), plan, order)
        run.first_step = step
        return run

    @staticmethod
    def weights(plan, mixture=None):
        """Returns the whole weights of a plan's sources for a mixture by name."""
        if mixture is None:
            # The numbers of rows themselves, if they are valid weights: then every row is read once
            # per epoch.
            rows = [rows for _, rows in plan.sources]
            return rows if sum(rows) < WEIGHT_SUM_MAX else weights_from_fractions(rows)
        names = [name for name, _ in plan.sources]
        unknown = sorted(set(mixture) - set(names))
        if unknown:
            raise ShardError(f"the plan has no source {unknown}; its sources are {names}")
        return weights_from_fractions([mixture.get(name, 0.0) for name in names])

    def change(self, first_step, mixture=None, batch_rows=None):
        """Changes the weights or the batch size from a step on."""
        before = self.order.stages[-1]
        weights = before.weights if mixture is None else self.weights(self.plan, mixture)
        stage = Stage(first_step, batch_rows or before.batch_rows, weights)
        self.order = self.order.with_stage(self.plan, stage)

    @property
    def row_tokens(self):
        """The number of tokens in a row: one more than the positions."""
        return self.plan.row_tokens

    def read(self, rows):
        """Returns the tokens of rows, in the given order."""
        padding = self.dataset.end_of_text or 0
        tokens = np.full((len(rows), self.row_tokens), padding, np.uint32)
        ends = []
        for out, row in zip(tokens, rows):
            filled, of_row = 0, []
            for shard, start, length in self.plan.row(row).tolist():
                end = filled + length
                if end > self.row_tokens:
                    raise ShardError(f"row {row} of {self.plan.path} is longer than rows are")
                out[filled:end] = self.dataset.tokens(shard, start, length)
                filled = end
                of_row.append(end)
            ends.append(of_row)
        return Batch(rows, tokens, ends)

    def batch(self, step, rank=0, world=1):
        """Returns the rows of a step that a rank reads; by default all rows."""
        return self.read(self.order.rank_rows(step, rank, world))

    def digest(self, step):
        """Returns the digest of a step's global batch. It equals the digest in Rust."""
        return self.batch(step).digest()

    def state(self, step):
        """Returns the state before `step`, to resume from."""
        return self.order.state(step)
