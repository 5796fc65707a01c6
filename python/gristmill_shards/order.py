"""The order of a run as a function: which row is read at which position of which step.

The row of sample `g` of a run is computed from the dataset's root, the plan, the seed and the
stages, with the same arithmetic as in Rust. Rank `r` of `w` takes the rows `r`, `r + w`, `r + 2w` …
of the global batch.
"""

import bisect
from dataclasses import asdict, dataclass, field

import numpy as np

from .errors import IdentityError, ShardError
from .mixture import Mixture
from .permutation import Permutation
from .xxh3 import xxh3_64

SCHEMA = "gristmill/order/1"
BATCH_ROWS_MAX = 1 << 20
_PERMUTATIONS_KEPT = 64


def permutation_key(root, seed, epoch, source):
    """Returns the key of a source's permutation in one epoch."""
    return xxh3_64(f"{SCHEMA}\n{root}\n{seed}\n{epoch}\n{source}".encode())


def rows_for_tokens(tokens, sequence_length):
    """Returns the number of rows that hold at least `tokens` tokens."""
    return -(-tokens // sequence_length)


@dataclass(frozen=True)
class Stage:
    """Successive steps with one mixture and one batch size, until the next stage.

    `weights` are whole numbers, one for each source of the plan. `weights_from_fractions` makes
    them from fractions. If the weights are numbers of rows and the stage has as many samples as
    they sum to, each source gives exactly its number of rows.
    """

    first_step: int
    batch_rows: int
    weights: tuple = field(default=())

    def __post_init__(self):
        object.__setattr__(self, "weights", tuple(int(weight) for weight in self.weights))


class _Begun:
    def __init__(self, stage, first_sample, taken):
        self.stage, self.first_sample, self.taken = stage, first_sample, taken
        self.mixture = Mixture(stage.weights)

    def counts(self, sample):
        counts = self.mixture.counts(sample - self.first_sample)
        return [count + taken for count, taken in zip(counts, self.taken)]

    def sample_of(self, step):
        return self.first_sample + (step - self.stage.first_step) * self.stage.batch_rows


class Order:
    """The order of a run over a plan's rows."""

    def __init__(self, plan, seed, stages, samples_total=None):
        self.root, self.plan, self.seed = plan.root, plan.digest, int(seed)
        self.sources, self.samples_total = list(plan.sources), samples_total
        self.stages = [stage if isinstance(stage, Stage) else Stage(**stage) for stage in stages]
        firsts = [stage.first_step for stage in self.stages]
        if not firsts or firsts[0] != 0 or any(a >= b for a, b in zip(firsts, firsts[1:])):
            raise ShardError("stages must begin at step 0 and ascend")
        self._begun = []
        for stage in self.stages:
            self._begin(stage)
        rows = [rows for _, rows in self.sources]
        self._first_rows = [sum(rows[:source]) for source in range(len(rows))]
        self._permutations = {}

    def _begin(self, stage):
        if len(stage.weights) != len(self.sources):
            raise ShardError(
                f"the stage at step {stage.first_step} has {len(stage.weights)} weights, "
                f"the plan has {len(self.sources)} sources"
            )
        if not 1 <= stage.batch_rows <= BATCH_ROWS_MAX:
            raise ShardError(f"a batch has 1 to {BATCH_ROWS_MAX} rows, not {stage.batch_rows}")
        for (name, rows), weight in zip(self.sources, stage.weights):
            if weight and not rows:
                raise ShardError(f"the source `{name}` has a weight but no rows")
        first, taken = 0, [0] * len(self.sources)
        if self._begun:
            first = self._begun[-1].sample_of(stage.first_step)
            taken = self._begun[-1].counts(first)
        self._begun.append(_Begun(stage, first, taken))

    @classmethod
    def from_state(cls, plan, state):
        """Returns the order that a state describes, and the step to resume at."""
        order = cls(plan, state["seed"], state["stages"], state["samples_total"])
        return order, order.resume(state)

    def resume(self, state):
        """Returns the step to resume at. Refuses a state of another dataset, plan, seed or past."""
        step = state["step"]

        def begun(stages):
            return [stage for stage in stages if stage.first_step < step]

        kept = [Stage(**stage) for stage in state["stages"]]
        for what, expected, found in [
            ("state's format", SCHEMA, state["schema"]),
            ("dataset root", state["root"], self.root),
            ("plan digest", state["plan"], self.plan),
            ("seed", state["seed"], self.seed),
            ("list of stages begun", begun(kept), begun(self.stages)),
            ("samples by source", list(state["samples"]), self.counts(step)),
        ]:
            if expected != found:
                raise IdentityError(what, expected, found)
        return step

    def state(self, step):
        """Returns the state before `step`: a few numbers and strings that fit into JSON."""
        return {
            "schema": SCHEMA,
            "root": self.root,
            "plan": self.plan,
            "seed": self.seed,
            "samples_total": self.samples_total,
            "step": step,
            "stage": self._stage_of_step(step),
            "samples": self.counts(step),
            "stages": [{**asdict(s), "weights": list(s.weights)} for s in self.stages],
        }

    def with_stage(self, plan, stage):
        """Returns this order with another stage from `stage.first_step` on."""
        kept = [known for known in self.stages if known.first_step < stage.first_step]
        return Order(plan, self.seed, [*kept, stage], self.samples_total)

    def samples_of(self, step):
        """Returns the samples of a step as a range, shorter or empty at the end of the budget."""
        begun = self._begun[self._stage_of_step(step)]
        first = begun.sample_of(step)
        end = first + begun.stage.batch_rows
        if self.samples_total is not None:
            first, end = min(first, self.samples_total), min(end, self.samples_total)
        return range(first, end)

    @property
    def steps_total(self):
        """The number of steps of the run, or None without a budget."""
        if self.samples_total is None:
            return None
        total = self.samples_total
        # The last stage that starts within the budget; the first stage always does.
        started = (b for b in reversed(self._begun) if b.first_sample < total or not b.first_sample)
        begun = next(started)
        return begun.stage.first_step + -(-(total - begun.first_sample) // begun.stage.batch_rows)

    def counts(self, step):
        """Returns the number of samples of each source before `step`."""
        sample = self.samples_of(step).start
        return self._begun[self._stage_of_sample(sample)].counts(sample)

    def rows(self, step):
        """Returns the rows of a step's global batch, in order: an array of u64."""
        samples = self.samples_of(step)
        return self.rows_of(samples.start, len(samples))

    def rank_rows(self, step, rank, world):
        """Returns the rows of a step that rank `rank` of `world` reads."""
        rows = self.rows(step)
        if not 0 <= rank < world or len(rows) % world:
            raise ShardError(
                f"the {len(rows)} rows of step {step} cannot be distributed to rank {rank} of "
                f"{world}: a batch is a multiple of the ranks"
            )
        return rows[rank::world]

    def rows_of(self, first, count):
        """Returns the rows of `count` samples from `first` on."""
        rows = np.empty(count, np.uint64)
        done = 0
        while done < count:
            stage = self._stage_of_sample(first + done)
            end = count
            if stage + 1 < len(self._begun):
                end = min(count, self._begun[stage + 1].first_sample - first)
            rows[done:end] = self._rows_in_stage(self._begun[stage], first + done, end - done)
            done = end
        return rows

    def _rows_in_stage(self, begun, first, count):
        sources, before = begun.mixture.samples(first - begun.first_sample, count)
        rows = np.empty(count, np.uint64)
        for source in np.unique(sources).tolist():
            of_source = np.flatnonzero(sources == source)
            indices = before[of_source] + np.uint64(begun.taken[source])
            length = np.uint64(self.sources[source][1])
            epochs = indices // length
            # The indices ascend, so a batch spans few epochs of a source.
            for epoch in np.unique(epochs).tolist():
                places = epochs == epoch
                permuted = self._permutation(source, epoch)(indices[places] % length)
                rows[of_source[places]] = permuted + np.uint64(self._first_rows[source])
        return rows

    def _permutation(self, source, epoch):
        known = self._permutations.get((source, epoch))
        if known is None:
            if len(self._permutations) >= _PERMUTATIONS_KEPT:
                self._permutations.clear()
            name, rows = self.sources[source]
            known = Permutation(rows, permutation_key(self.root, self.seed, epoch, name))
            self._permutations[source, epoch] = known
        return known

    def _stage_of_step(self, step):
        return bisect.bisect_right([b.stage.first_step for b in self._begun], step) - 1

    def _stage_of_sample(self, sample):
        return bisect.bisect_right([b.first_sample for b in self._begun], sample) - 1
