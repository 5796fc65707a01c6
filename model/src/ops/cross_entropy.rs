//! The output projection and the cross-entropy after it, in one operation over bounded chunks of
//! rows.
//!
//! The logits of all rows would be by far the largest tensor of a small model. Here only a chunk of
//! them exists at a time: its gradient replaces the logits in place, is multiplied out at once, and
//! is dropped.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, D, DType, InplaceOp1, Layout, Result, Tensor, Var, bail};

use super::tape::add;
use super::wide::wide;
use super::{Kernels, kernels};
use crate::rows::IGNORED;

/// Bytes that the logits of one chunk may always take.
const CHUNK_BYTES: usize = 8 << 20;

/// Rows of a chunk. Every chunk adds a product as large as the table to the gradient of the table.
/// So a chunk has at least as many rows as the table has columns: then its logits are no larger
/// than that gradient.
pub(crate) fn chunk_rows(vocab_size: usize, dim: usize) -> usize {
    (CHUNK_BYTES / size_of::<f32>() / vocab_size.max(1)).max(dim).max(1)
}

/// How the loss is computed from the logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossOptions {
    /// Factor of the sum. With one over the predicted tokens of a whole batch, the losses of its
    /// slices add up to the mean in nats per token.
    pub scale: f32,
    /// Weight of (ln Σ exp(logit))², which keeps logits from drifting (PaLM, section 5); 0 for
    /// none.
    pub z_loss: f32,
    /// The `c` of `c · tanh(logits / c)`; 0 leaves the logits alone.
    pub softcap: f32,
}

/// Sums over predicted tokens, without the scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSums {
    /// −ln p of the targets.
    pub nats: f64,
    /// (ln Σ exp(logit))².
    pub squared_log_sums: f64,
}

impl LossSums {
    /// Adds another sum.
    pub(crate) fn add(&mut self, other: Self) {
        self.nats += other.nats;
        self.squared_log_sums += other.squared_log_sums;
    }

    /// The value that is differentiated.
    #[cfg(test)]
    pub(crate) fn total(&self, options: &LossOptions) -> f64 {
        f64::from(options.scale) * (self.nats + f64::from(options.z_loss) * self.squared_log_sums)
    }
}

/// The loss of every row in nats, 0 where the target is [`IGNORED`], without a gradient.
pub(crate) fn row_losses(
    hidden: &Tensor,
    table: &Tensor,
    targets: &[u32],
    softcap: f32,
    kernels: Kernels,
) -> Result<Vec<f32>> {
    let (hidden, table) = (&hidden.detach(), &table.detach());
    let options = LossOptions { scale: 0.0, z_loss: 0.0, softcap };
    let mut losses = Vec::with_capacity(targets.len());
    for (start, targets) in chunks(targets, table)? {
        let rows = hidden.narrow(0, start, targets.len())?;
        match kernels {
            Kernels::Fused => {
                let logits = rows.matmul(&table.t()?)?;
                losses.extend(LogitGradient::run(&logits, targets, options)?.losses);
            }
            Kernels::Composite | Kernels::CompositeBf16 => {
                let (nats, _) = composite(&rows, table, targets, softcap)?;
                losses.extend(nats.to_dtype(DType::F32)?.to_vec1::<f32>()?);
            }
        }
    }
    Ok(losses)
}

/// The loss of every row in nats and its ln Σ exp(logit), in candle's graph. Both are 0 where the
/// target is [`IGNORED`].
pub(crate) fn composite(
    hidden: &Tensor,
    table: &Tensor,
    targets: &[u32],
    softcap: f32,
) -> Result<(Tensor, Tensor)> {
    let table = table.to_dtype(hidden.dtype())?;
    let logits = wide(&hidden.matmul(&table.t()?)?)?;
    let logits = cap(&logits, softcap)?;
    let largest = logits.max_keepdim(D::Minus1)?.detach();
    let log_sums =
        (logits.broadcast_sub(&largest)?.exp()?.sum_keepdim(D::Minus1)?.log()? + largest)?;
    let known: Vec<u32> =
        targets.iter().map(|&target| if target == IGNORED { 0 } else { target }).collect();
    let counts: Vec<f32> =
        targets.iter().map(|&target| f32::from(u8::from(target != IGNORED))).collect();
    let counts = Tensor::from_vec(counts, (targets.len(), 1), hidden.device())?;
    let counts = counts.to_dtype(logits.dtype())?;
    let index = Tensor::from_vec(known, (targets.len(), 1), hidden.device())?;
    let nats = (&log_sums - logits.gather(&index, D::Minus1)?)?;
    Ok(((nats * &counts)?.squeeze(1)?, (log_sums * counts)?.squeeze(1)?))
}

/// `c · tanh(logits / c)`.
pub(crate) fn cap(logits: &Tensor, softcap: f32) -> Result<Tensor> {
    if softcap == 0.0 {
        return Ok(logits.clone());
    }
    let softcap = f64::from(softcap);
    (logits / softcap)?.tanh()? * softcap
}

/// The targets in chunks of [`chunk_rows`], each with its first row.
fn chunks<'a>(
    targets: &'a [u32],
    table: &Tensor,
) -> Result<impl Iterator<Item = (usize, &'a [u32])>> {
    let (vocab_size, dim) = table.dims2()?;
    let rows = chunk_rows(vocab_size, dim);
    Ok(targets.chunks(rows).enumerate().map(move |(chunk, targets)| (chunk * rows, targets)))
}

/// The sums over the rows, and the gradients of their total with respect to `hidden` [n, dim] and
/// `table` [vocab, dim], computed by candle chunk by chunk.
pub(crate) fn composite_gradients(
    hidden: &Tensor,
    table: &Tensor,
    targets: &[u32],
    options: &LossOptions,
) -> Result<(LossSums, [Tensor; 2])> {
    let mut sums = LossSums::default();
    let mut d_hidden = Vec::new();
    let table = Var::from_tensor(table)?;
    let mut d_table: Option<Tensor> = None;
    for (start, targets) in chunks(targets, &table)? {
        let rows = Var::from_tensor(&hidden.narrow(0, start, targets.len())?)?;
        let (nats, log_sums) = composite(&rows, &table, targets, options.softcap)?;
        let (nats, squares) = (nats.sum_all()?, log_sums.sqr()?.sum_all()?);
        let read = |sum: &Tensor| sum.to_dtype(DType::F64)?.to_scalar::<f64>();
        sums.add(LossSums { nats: read(&nats)?, squared_log_sums: read(&squares)? });
        let total = ((nats + (squares * f64::from(options.z_loss))?)? * f64::from(options.scale))?;
        let mut gradients = total.backward()?;
        let mut gradient = |variable: &Var| match gradients.remove(variable) {
            Some(gradient) => Ok(gradient),
            None => bail!("the loss does not reach its inputs"),
        };
        d_hidden.push(gradient(&rows)?);
        let chunk = gradient(&table)?;
        d_table = Some(match d_table {
            Some(sum) => (sum + chunk)?,
            None => chunk,
        });
    }
    let Some(d_table) = d_table else { bail!("cross-entropy of no rows") };
    Ok((sums, [Tensor::cat(&d_hidden, 0)?, d_table]))
}

/// As [`composite_gradients`], with loops over memory: the gradient replaces the logits of a chunk
/// in place.
pub(crate) fn fused_gradients(
    hidden: &Tensor,
    table: &Tensor,
    targets: &[u32],
    options: &LossOptions,
) -> Result<(LossSums, [Tensor; 2])> {
    let mut sums = LossSums::default();
    let mut d_hidden = Vec::new();
    let mut d_table: Option<Tensor> = None;
    for (start, targets) in chunks(targets, table)? {
        let rows = hidden.narrow(0, start, targets.len())?;
        let logits = rows.matmul(&table.t()?)?;
        let found = LogitGradient::run(&logits, targets, *options)?;
        sums.nats += found.losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        sums.squared_log_sums += found.squared_log_sums;
        d_hidden.push(logits.matmul(table)?);
        let chunk = logits.t()?.matmul(&rows)?;
        d_table = Some(match d_table {
            Some(sum) => add(&sum, &chunk)?,
            None => chunk,
        });
    }
    let d_hidden = match d_hidden.as_slice() {
        [one] => one.clone(),
        chunks => Tensor::cat(chunks, 0)?,
    };
    let Some(d_table) = d_table else { bail!("cross-entropy of no rows") };
    Ok((sums, [d_hidden, d_table]))
}

/// Replaces logits [n, vocab] by the gradient of the total, and collects the losses.
///
/// With l = ln Σ exp(logit), z the weight of the z-loss and p the softmax, the derivative of
/// −ln p_t + z·l² is p·(1 + 2·z·l) − one-hot; capped logits multiply it by 1 − tanh².
struct LogitGradient<'a> {
    targets: &'a [u32],
    options: LossOptions,
    /// Behind a lock, because candle calls an operation by shared reference.
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    losses: Vec<f32>,
    squared_log_sums: f64,
}

impl<'a> LogitGradient<'a> {
    fn run(logits: &Tensor, targets: &'a [u32], options: LossOptions) -> Result<Found> {
        let this = Self { targets, options, found: Mutex::default() };
        logits.inplace_op1(&this)?;
        Ok(this.found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The loss of one row and its ln Σ exp(logit).
    fn row(&self, row: &mut [f32], target: u32, capped: &mut Vec<f32>) -> Result<(f32, f32)> {
        let LossOptions { scale, z_loss, softcap } = self.options;
        if target == IGNORED {
            row.fill(0.0);
            return Ok((0.0, 0.0));
        }
        let target = target as usize;
        if target >= row.len() {
            bail!("target {target} is not below the vocabulary size {}", row.len())
        }
        Ok(vectorised_row(row, target, capped, (scale, z_loss, softcap)))
    }
}

/// As [`LogitGradient::row`] for a target in the vocabulary. `capped` is a buffer for the capped
/// logits.
fn vectorised_row(
    row: &mut [f32],
    target: usize,
    capped: &mut Vec<f32>,
    (scale, z_loss, softcap): (f32, f32, f32),
) -> (f32, f32) {
    kernels::vectorised(|| {
        capped.clear();
        if softcap > 0.0 {
            kernels::softcap(row, softcap);
            capped.extend_from_slice(row);
        }
        let logit = row[target];
        let largest = kernels::max(row);
        let sum = kernels::exp_and_sum(row, largest);
        let log_sum = sum.ln() + largest;
        let factor = scale * (1.0 + 2.0 * z_loss * log_sum) / sum;
        for value in row.iter_mut() {
            *value *= factor;
        }
        row[target] -= scale;
        for (value, capped) in row.iter_mut().zip(capped.iter()) {
            let tanh = capped / softcap;
            *value *= 1.0 - tanh * tanh;
        }
        (log_sum - logit, log_sum)
    })
}

impl InplaceOp1 for LogitGradient<'_> {
    fn name(&self) -> &'static str {
        "logit_gradient"
    }

    fn cpu_fwd(&self, logits: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(logits) = logits else { bail!("logit_gradient needs f32") };
        let (_, vocab_size) = layout.shape().dims2()?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut capped = Vec::new();
        for (row, &target) in logits.chunks_exact_mut(vocab_size).zip(self.targets) {
            let (loss, log_sum) = self.row(row, target, &mut capped)?;
            found.losses.push(loss);
            found.squared_log_sums += f64::from(log_sum) * f64::from(log_sum);
        }
        Ok(())
    }
}
