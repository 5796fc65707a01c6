//! The copies of a model that train together: one on a CPU, or one on each GPU.
//!
//! A batch does not depend on the devices. Each copy takes an equal share of its rows, the
//! gradients of all shares are added up ([`crate::exchange`]), and every copy makes the same
//! update. So the number of GPUs changes rounding only, and any copy can be saved as the
//! checkpoint.

use std::thread::{ScopedJoinHandle, scope};

use candle_core::{Device, Tensor};

use crate::error::ModelError;
use crate::exchange::Exchange;
use crate::llama::Llama;
use crate::ops::{LossOptions, LossSums};
use crate::optimizer::arithmetic::{add_to, norms};
use crate::optimizer::{Optimizer, StepNumbers};
use crate::parallel::Lanes;
use crate::rows::Rows;

/// One copy and its optimiser.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) model: Llama,
    pub(crate) optimizer: Optimizer,
}

/// All copies. They are equal, so the first can stand for all of them.
#[derive(Debug)]
pub(crate) struct Replicas {
    /// Never empty.
    members: Vec<Replica>,
    lanes: Vec<Lanes>,
    exchange: Exchange,
}

/// The gradients of a batch.
#[derive(Debug)]
pub(crate) struct Found {
    /// The losses of all rows.
    pub(crate) sums: LossSums,
    /// For each copy the gradients on its device. All are the sums over the copies, so they are
    /// equal.
    gradients: Vec<Vec<Tensor>>,
    /// The norm of each parameter's gradient.
    pub(crate) norms: Vec<f64>,
}

impl Replicas {
    /// A copy on each of `devices`. `make` must give equal copies for all devices.
    pub(crate) fn new(
        devices: &[Device],
        make: impl Fn(&Device) -> Result<Replica, ModelError>,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            members: devices.iter().map(make).collect::<Result<_, _>>()?,
            lanes: devices.iter().map(Lanes::for_device).collect::<Result<_, _>>()?,
            exchange: Exchange::between(devices)?,
        })
    }

    /// The copy that is evaluated and saved.
    pub(crate) fn first(&self) -> (&Replica, &Lanes) {
        (&self.members[0], &self.lanes[0])
    }

    /// Number of copies.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The losses of a batch that is cut into `slices`, and the gradients of their total. Each copy
    /// gets neighbouring slices.
    pub(crate) fn gradients(
        &self,
        slices: &[Rows],
        options: &LossOptions,
        recompute: bool,
    ) -> Result<Found, ModelError> {
        let share = slices.len().div_ceil(self.members.len()).max(1);
        let mut shares = slices.chunks(share);
        let work: Vec<_> = self
            .members
            .iter()
            .zip(&self.lanes)
            .map(|(member, lanes)| {
                // With fewer slices than copies, the last copies have no share.
                let slices = shares.next().unwrap_or(&[]);
                move || share_gradients(&member.model, lanes, slices, (options, recompute))
            })
            .collect();
        let mut sums = LossSums::default();
        let mut gradients = Vec::with_capacity(work.len());
        for found in side_by_side(work) {
            let (share_sums, share_gradients) = found?;
            sums.add(share_sums);
            gradients.push(share_gradients);
        }
        self.exchange.sum(&mut gradients)?;
        let norms = norms(&gradients[0])?;
        Ok(Found { sums, gradients, norms })
    }

    /// The same update on every copy.
    pub(crate) fn step(&mut self, found: &Found, numbers: StepNumbers) -> Result<(), ModelError> {
        let copies = self.members.iter_mut().zip(&self.lanes).zip(&found.gradients);
        let work = copies.map(|((member, lanes), gradients)| {
            || member.optimizer.step(member.model.parameters(), gradients, numbers, lanes)
        });
        side_by_side(work.collect()).into_iter().collect()
    }
}

/// Sums and gradients of the slices of one copy; zeros if it has no slices.
fn share_gradients(
    model: &Llama,
    lanes: &Lanes,
    slices: &[Rows],
    (options, recompute): (&LossOptions, bool),
) -> Result<(LossSums, Vec<Tensor>), ModelError> {
    let mut total: Result<(LossSums, Vec<Tensor>), ModelError> = Ok(Default::default());
    lanes.fold(
        slices,
        |rows| model.loss_and_gradients(rows, options, recompute),
        |result| {
            if let Ok(sums) = &mut total
                && let Err(error) = result.and_then(|slice| add_slice(sums, slice))
            {
                total = Err(error);
            }
        },
    );
    let (sums, gradients) = total?;
    if slices.is_empty() {
        let zeros = model.parameters().iter().map(|(_, variable)| variable.zeros_like());
        return Ok((sums, zeros.collect::<candle_core::Result<_>>()?));
    }
    Ok((sums, gradients))
}

fn add_slice(
    (sums, gradients): &mut (LossSums, Vec<Tensor>),
    (slice_sums, slice_gradients): (LossSums, Vec<Tensor>),
) -> Result<(), ModelError> {
    sums.add(slice_sums);
    if gradients.is_empty() {
        *gradients = slice_gradients;
        return Ok(());
    }
    Ok(add_to(gradients, &slice_gradients)?)
}

/// Does a single piece of work in this thread, or several pieces in one thread each. The results
/// have the order of the pieces.
fn side_by_side<T: Send>(
    mut work: Vec<impl FnOnce() -> Result<T, ModelError> + Send>,
) -> Vec<Result<T, ModelError>> {
    if work.len() < 2 {
        return work.pop().map(|work| work()).into_iter().collect();
    }
    let joined = |thread: ScopedJoinHandle<'_, Result<T, ModelError>>| {
        // A panic continues in this thread.
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    };
    scope(|scope| {
        let threads: Vec<_> = work.into_iter().map(|work| scope.spawn(work)).collect();
        threads.into_iter().map(joined).collect()
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::RngCore;

    use super::*;
    use crate::random::random_for;
    use crate::{ModelConfig, TrainConfig};

    fn config() -> ModelConfig {
        ModelConfig { dim: 32, n_layers: 2, ffn_dim: 48, context: 24, ..ModelConfig::default() }
    }

    fn slices(count: usize) -> Vec<Rows> {
        let mut random = random_for(3, "replicas");
        let mut ids = || (0..25).map(|_| random.next_u32() % 256).collect::<Vec<_>>();
        (0..count).map(|_| Rows::of(&ids(), 1)).collect()
    }

    /// The losses of three steps on batches of `rows` rows, and the weights of every copy after
    /// them.
    fn run(copies: usize, rows: usize) -> (Vec<f64>, Vec<Vec<u8>>) {
        let settings = TrainConfig::default().optimizer_settings();
        let devices = vec![Device::Cpu; copies];
        let mut replicas = Replicas::new(&devices, |device| {
            let model = Llama::init(&config(), 5, device)?;
            let optimizer = Optimizer::new(model.parameters(), settings)?;
            Ok(Replica { model, optimizer })
        })
        .unwrap();
        let mut losses = Vec::new();
        for update in 1..=3 {
            let slices = slices(rows);
            let predicted: usize = slices.iter().map(Rows::loss_tokens).sum();
            let options = replicas.first().0.model.loss_options(1.0 / predicted as f32);
            let found = replicas.gradients(&slices, &options, false).unwrap();
            losses.push(found.sums.nats / predicted as f64);
            let numbers = StepNumbers { update, learning_rate: 1e-3, gradient_scale: 1.0 };
            replicas.step(&found, numbers).unwrap();
        }
        let weights = replicas.members.iter();
        (losses, weights.map(|copy| copy.model.parameters().to_safetensors().unwrap()).collect())
    }

    #[test]
    fn copies_stay_equal_and_their_number_changes_rounding_only() {
        let (alone, weights) = run(1, 6);
        assert_eq!(weights.len(), 1);
        for copies in [2, 3, 4] {
            let (losses, weights) = run(copies, 6);
            for (a, b) in alone.iter().zip(&losses) {
                assert!((a - b).abs() < 1e-5, "{copies} copies: {alone:?} {losses:?}");
            }
            assert!(weights.iter().all(|copy| *copy == weights[0]));
        }
        // Copies without rows make the same updates.
        let (losses, weights) = run(4, 2);
        assert!((losses[2] - run(1, 2).0[2]).abs() < 1e-5);
        assert!(weights.iter().all(|copy| *copy == weights[0]));
    }
}
