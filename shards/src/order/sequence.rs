//! The order of a run: from a step to its rows, and back.

use xxhash_rust::xxh3::xxh3_64;

use super::permutation::Permutation;
use super::stage::{Begun, Stage, begin_all};
use super::state::State;
use super::subject::Subject;
use crate::{Result, ShardError};

/// The samples that [`Order::when`] searches in an order without a budget; no run takes as many.
const SAMPLES_SEARCHED: u64 = 1 << 62;

/// The key of a source's permutation in an epoch: the XXH3-64 of
/// `gristmill/order/1\nROOT\nSEED\nEPOCH\nSOURCE`, numbers in decimal.
pub(super) fn permutation_key(root: &str, seed: u64, epoch: u64, source: &str) -> u64 {
    xxh3_64(format!("{}\n{root}\n{seed}\n{epoch}\n{source}", State::SCHEMA).as_bytes())
}

/// One sample of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// The source, by its number in the plan.
    pub source: usize,
    /// How often the source was read before, from 0.
    pub epoch: u64,
    /// The row, by its number in the plan.
    pub row: u64,
}

/// The order of a run.
#[derive(Debug, Clone)]
pub struct Order {
    subject: Subject,
    first_rows: Vec<u64>,
    seed: u64,
    samples_total: Option<u64>,
    stages: Vec<Begun>,
}

impl Order {
    /// An order over `subject`, shuffled by `seed`, in `stages`. With `samples_total` it ends after that
    /// many samples, where the last batch may be shorter.
    ///
    /// # Errors
    /// [`ShardError::Order`] when a stage gives a weight to a source without rows, or the stages do not
    /// begin at step 0 and ascend.
    pub fn new(
        subject: Subject,
        seed: u64,
        stages: &[Stage],
        samples_total: Option<u64>,
    ) -> Result<Self> {
        let begun = begin_all(stages, subject.sources.len())?;
        for (source, (name, rows)) in subject.sources.iter().enumerate() {
            if *rows == 0 && stages.iter().any(|stage| stage.weights[source] > 0) {
                return Err(ShardError::Order(format!(
                    "the source `{name}` has a weight but no rows"
                )));
            }
        }
        let mut rows = 0u64;
        let first_rows = subject.sources.iter().map(|(_, n)| {
            let first = rows;
            rows = rows.saturating_add(*n);
            first
        });
        Ok(Self { first_rows: first_rows.collect(), subject, seed, samples_total, stages: begun })
    }

    /// The order that a state describes, and the next step.
    ///
    /// # Errors
    /// [`ShardError::Identity`] when the state belongs to another dataset or plan, or its counters
    /// contradict its stages.
    pub fn from_state(subject: Subject, state: &State) -> Result<(Self, u64)> {
        let order = Self::new(subject, state.seed, &state.stages, state.samples_total)?;
        let step = order.resume(state)?;
        Ok((order, step))
    }

    /// The next step after `state`, which may be of another order over the same plan.
    ///
    /// # Errors
    /// [`ShardError::Identity`] when dataset, plan or seed differ, or a stage that the state has begun.
    /// Later stages may differ, since none of their samples were read.
    pub fn resume(&self, state: &State) -> Result<u64> {
        let same = |what: &'static str, expected: &str, found: &str| {
            let differs = || ShardError::Identity {
                what,
                expected: expected.to_owned(),
                found: found.to_owned(),
            };
            if expected == found { Ok(()) } else { Err(differs()) }
        };
        same("state's format", State::SCHEMA, &state.schema)?;
        same("dataset root", &state.root, &self.subject.root)?;
        same("plan digest", &state.plan, &self.subject.plan)?;
        same("seed", &state.seed.to_string(), &self.seed.to_string())?;
        let begun = |stages: &mut dyn Iterator<Item = &Stage>| -> String {
            let begun = stages.filter(|stage| stage.first_step < state.step);
            format!("{:?}", begun.collect::<Vec<_>>())
        };
        same(
            "list of stages begun",
            &begun(&mut state.stages.iter()),
            &begun(&mut self.stages.iter().map(|begun| &begun.stage)),
        )?;
        let counts = self.counts(state.step);
        same("samples by source", &format!("{:?}", state.samples), &format!("{counts:?}"))?;
        Ok(state.step)
    }

    /// The state of a run whose next step is `step`.
    pub fn state(&self, step: u64) -> State {
        State {
            schema: State::SCHEMA.into(),
            root: self.subject.root.clone(),
            plan: self.subject.plan.clone(),
            seed: self.seed,
            samples_total: self.samples_total,
            step,
            stage: self.stage_of_step(step),
            samples: self.counts(step),
            stages: self.stages.iter().map(|begun| begun.stage.clone()).collect(),
        }
    }

    /// The plan that the order is over.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.stages.iter().map(|begun| &begun.stage)
    }

    /// The number of steps, when the run has a budget.
    pub fn steps_total(&self) -> Option<u64> {
        let total = self.samples_total?;
        let stage =
            self.stages.iter().rev().find(|b| b.first_sample < total || b.first_sample == 0)?;
        let steps = (total - stage.first_sample).div_ceil(stage.stage.batch_rows);
        Some(stage.stage.first_step + steps)
    }

    /// The samples of `step`. Where the budget ends they are fewer than a batch, or none.
    fn samples_of(&self, step: u64) -> std::ops::Range<u64> {
        let stage = &self.stages[self.stage_of_step(step)];
        let first = stage.sample_of(step);
        let end = first.saturating_add(stage.stage.batch_rows);
        let total = self.samples_total.unwrap_or(u64::MAX);
        first.min(total)..end.min(total)
    }

    /// How many samples each source gives before `step`.
    pub fn counts(&self, step: u64) -> Vec<u64> {
        let sample = self.samples_of(step).start;
        self.stages[self.stage_of_sample(sample)].counts(sample)
    }

    /// Sample `sample` of the run. The cost does not depend on its number.
    pub fn sample(&self, sample: u64) -> Sample {
        Walk::new(self).sample(sample)
    }

    /// The samples of a step's global batch, in order.
    pub fn samples(&self, step: u64) -> Vec<Sample> {
        let mut walk = Walk::new(self);
        self.samples_of(step).map(|sample| walk.sample(sample)).collect()
    }

    /// The rows of a step's global batch, in order.
    pub fn rows(&self, step: u64) -> Vec<u64> {
        self.samples(step).iter().map(|sample| sample.row).collect()
    }

    /// The step, and the position in its batch, at which `row` is read in the epoch `epoch`. `None` when
    /// the run ends before.
    pub fn when(&self, row: u64, epoch: u64) -> Option<(u64, u64)> {
        let source = self.first_rows.partition_point(|first| *first <= row).checked_sub(1)?;
        let rows = self.subject.sources[source].1;
        let within = row.checked_sub(self.first_rows[source]).filter(|within| *within < rows)?;
        let index = epoch.checked_mul(rows)? + self.permutation(source, epoch).index_of(within);
        // Counts never decrease, so the sample is found by bisection.
        let (mut low, mut high) = (0, self.samples_total.unwrap_or(SAMPLES_SEARCHED));
        let end = high;
        while low < high {
            let middle = low + (high - low) / 2;
            let counts = self.stages[self.stage_of_sample(middle + 1)].counts(middle + 1);
            if counts[source] > index { high = middle } else { low = middle + 1 }
        }
        let begun = self.stages.get(self.stage_of_sample(low)).filter(|_| low < end)?;
        let (within, batch_rows) = (low - begun.first_sample, begun.stage.batch_rows);
        Some((begun.stage.first_step + within / batch_rows, within % batch_rows))
    }

    /// The rows of a step that rank `rank` of `world` reads.
    ///
    /// # Errors
    /// [`ShardError::Order`] when the batch cannot be divided evenly, or there is no such rank.
    pub fn rank_rows(&self, step: u64, rank: u64, world: u64) -> Result<Vec<u64>> {
        let rows = self.rows(step);
        if world == 0 || rank >= world || !(rows.len() as u64).is_multiple_of(world) {
            return Err(ShardError::Order(format!(
                "the {} rows of step {step} cannot be divided between ranks (rank {rank} of {world}): a \
                 batch must be a multiple of the number of ranks",
                rows.len()
            )));
        }
        Ok(rows.into_iter().skip(rank as usize).step_by(world as usize).collect())
    }

    fn permutation(&self, source: usize, epoch: u64) -> Permutation {
        let (name, rows) = &self.subject.sources[source];
        Permutation::new(*rows, permutation_key(&self.subject.root, self.seed, epoch, name))
    }

    fn stage_of_step(&self, step: u64) -> usize {
        self.stages.partition_point(|begun| begun.stage.first_step <= step).saturating_sub(1)
    }

    /// The stage of a sample. Stages whose steps lie beyond the budget have no samples.
    fn stage_of_sample(&self, sample: u64) -> usize {
        self.stages.partition_point(|begun| begun.first_sample <= sample).saturating_sub(1)
    }
}

/// Computes many samples and keeps each source's last permutation.
struct Walk<'a> {
    order: &'a Order,
    permutations: Vec<Option<(u64, Permutation)>>,
}

impl<'a> Walk<'a> {
    fn new(order: &'a Order) -> Self {
        Self { order, permutations: vec![None; order.subject.sources.len()] }
    }

    fn sample(&mut self, sample: u64) -> Sample {
        let order = self.order;
        let begun = &order.stages[order.stage_of_sample(sample)];
        let (source, before) = begun.mixture.get(sample - begun.first_sample);
        let index = begun.taken[source] + before;
        let rows = order.subject.sources[source].1.max(1);
        let epoch = index / rows;
        let kept = &mut self.permutations[source];
        kept.take_if(|(of, _)| *of != epoch);
        let (_, permutation) =
            kept.get_or_insert_with(|| (epoch, order.permutation(source, epoch)));
        let permuted = permutation.get(index % rows);
        Sample { source, epoch, row: order.first_rows[source] + permuted }
    }
}
