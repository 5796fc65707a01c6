"""Adapters for existing trainers. Each reads the rows in the order of the run.

- `nanogpt_get_batch`: replaces `get_batch` in nanoGPT's `train.py`.
- `litgpt_data`: a `DataModule` for litgpt's `pretrain`.
- `torchtitan_dataset`: a dataset for torchtitan's `ParallelAwareDataloader`.
"""

from .errors import ShardError
from .run import IGNORED
from .torch_data import StepDataset


def _whole(batch, _row):
    return batch


class NanogptBatches:
    """`get_batch(split)` as nanoGPT's training loop calls it: inputs and targets `(B, T)`, int64.

    Targets of padding are -1, which nanoGPT's loss ignores.

    `get_batch("train")` returns the run's micro-batches in order. `get_batch.estimate(split)` is
    for `estimate_loss`: it reads the same rows each time, and does not advance the run.
    """

    def __init__(self, train, validation, micro_batch, rank=0, world=1, device="cpu"):
        self._device = device
        self._train = StepDataset(train, rank, world, micro_batch, transform=_whole)
        self._batches = iter(self._train)
        self._runs = {"train": train, "val": validation}
        self._micro_batch = micro_batch
        self._estimates = {}

    def __call__(self, split):
        """Returns the next micro-batch of the run for "train", otherwise of the estimate."""
        return self._pair(next(self._batches)) if split == "train" else self.estimate(split)

    def begin_estimate(self):
        """Restarts the estimate of each split at its first row."""
        self._estimates = {}

    def estimate(self, split):
        """Returns the next rows of a split. After the plan's last row it starts again."""
        run = self._runs[split]
        first = self._estimates.get(split, 0)
        rows = [(first + i) % run.plan.n_rows for i in range(self._micro_batch)]
        self._estimates[split] = (first + self._micro_batch) % run.plan.n_rows
        return self._pair(run.read(rows))

    def state_dict(self):
        """Returns the position in the run."""
        return self._train.state_dict()

    def load_state_dict(self, state):
        """Resumes from a state."""
        self._train.load_state_dict(state)
        self._batches = iter(self._train)

    def _pair(self, batch):
        import torch

        labels = batch.labels(mask_documents=False)
        labels[labels == IGNORED] = -1
        pair = torch.from_numpy(batch.inputs()), torch.from_numpy(labels)
        if not str(self._device).startswith("cuda"):
            return tuple(part.to(self._device) for part in pair)
        return tuple(part.pin_memory().to(self._device, non_blocking=True) for part in pair)


def nanogpt_get_batch(train, validation, micro_batch, rank=0, world=1, device="cpu"):
    """Returns a `get_batch` for nanoGPT's `train.py`; see `NanogptBatches`."""
    return NanogptBatches(train, validation, micro_batch, rank, world, device)


def _rank():
    """Returns the rank of this process and the number of processes, from torch.distributed."""
    import torch.distributed as distributed

    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def litgpt_data(train, validation=None, num_workers=2):
    """Returns a data module for litgpt's `pretrain(data=…)`.

    Its batches are `(micro_batch, block + 1)`, int64.

    The sequence length of the runs' plans must be litgpt's block size. litgpt cuts inputs and
    targets from one tensor, so padding cannot be marked. The model learns to predict end of text
    there, which with a best-fit plan is one position in thousands.
    """
    from litgpt.data import DataModule
    from torch.utils.data import DataLoader

    class GristmillShards(DataModule):
        """Token shards, read in the order of a run."""

        def __init__(self):
            super().__init__()
            self.micro_batch = 1

        def connect(self, tokenizer=None, batch_size=1, max_seq_length=None):
            """Called by litgpt with its settings before it makes loaders."""
            block = train.plan.sequence_length
            if max_seq_length not in (None, -1, block):
                raise ShardError(
                    f"the plan has rows for {block} positions, litgpt requires {max_seq_length}; "
                    f"`gristmill shards pack --sequence-length {max_seq_length}` makes such a plan"
                )
            self.micro_batch = batch_size

        def train_dataloader(self):
            """Returns a loader of this rank's micro-batches of the run."""
            return self._loader(train, None)

        def val_dataloader(self):
            """Returns a loader of one epoch of the validation run, or an empty list without one."""
            if validation is None:
                return []
            rows = validation.order.stages[0].batch_rows
            return self._loader(validation, validation.plan.n_rows // rows)

        def _loader(self, run, last_step):
            dataset = StepDataset(run, *_rank(), self.micro_batch, last_step)
            return DataLoader(dataset, batch_size=None, num_workers=num_workers, pin_memory=True)

    return GristmillShards()


def _titan_row(batch, row):
    import torch

    tokens = torch.from_numpy(batch.tokens[row].astype("int64"))
    labels = torch.from_numpy(batch.labels(mask_documents=False)[row])
    positions = torch.from_numpy(batch.positions()[row])
    return {"input": tokens[:-1], "positions": positions}, labels


def torchtitan_dataset(run, dp_rank, dp_world_size, local_batch_size):
    """Returns a dataset of single rows, `({"input", "positions"}, labels)`, with `state_dict`, for
    torchtitan's
    `ParallelAwareDataloader(dataset, dp_rank, dp_world_size, batch_size=local_batch_size)`.

    Padding has the label -100. Positions restart at each document, for document masks.
    """
    return StepDataset(
        run, dp_rank, dp_world_size, local_batch_size, as_rows=True, transform=_titan_row
    )
