//! The output projection and the cross-entropy after it, in one operation over bounded chunks of rows.
//!
//! The logits of all rows are the largest tensor of a small model by far. Here only [`CHUNK_BYTES`] of them
//! exist at a time: a chunk's gradient is computed in place of its logits, multiplied out at once, and
//! forgotten.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, D, InplaceOp1, Layout, Result, Tensor, bail};

use super::tape::add;
use super::{Kernels, kernels};

/// Memory for the logits of one chunk.
pub const CHUNK_BYTES: usize = 8 << 20;

/// The loss of every row in nats; no gradient.
pub fn row_losses(
    hidden: &Tensor,
    table: &Tensor,
    targets: &[u32],
    kernels: Kernels,
) -> Result<Vec<f32>> {
    let (hidden, table) = (hidden.detach(), table.detach());
    let mut losses = Vec::with_capacity(targets.len());
    for (start, targets) in chunks(targets, table.dim(0)?) {
        let rows = hidden.narrow(0, start, targets.len())?;
        match kernels {
            Kernels::Fused => {
                let logits = rows.matmul(&table.t()?)?;
                losses.extend(LogitGradient::run(&logits, targets, 0.0)?);
            }
            Kernels::Composite => {
                losses.extend(composite(&rows, &table, targets)?.to_vec1::<f32>()?);
            }
        }
    }
    Ok(losses)
}

/// The loss of every row in nats, in candle's graph.
pub(crate) fn composite(hidden: &Tensor, table: &Tensor, targets: &[u32]) -> Result<Tensor> {
    let logits = hidden.matmul(&table.t()?)?;
    let largest = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&largest)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let index = Tensor::from_slice(targets, (targets.len(), 1), hidden.device())?;
    (log_sum - shifted.gather(&index, D::Minus1)?)?.squeeze(1)
}

/// The targets in runs whose logits fit [`CHUNK_BYTES`], each with the row it starts at.
fn chunks(targets: &[u32], vocab_size: usize) -> impl Iterator<Item = (usize, &[u32])> {
    let rows = (CHUNK_BYTES / size_of::<f32>() / vocab_size.max(1)).max(1);
    targets.chunks(rows).enumerate().map(move |(chunk, targets)| (chunk * rows, targets))
}

/// Sum over the rows of −ln softmax(`hidden` · `table`ᵀ) at the target, times `scale`, and its gradients with respect
/// to `hidden` [n, dim] and `table` [vocab, dim].
///
/// A `scale` of one over the rows of the whole batch makes the losses of its slices add up to the mean loss in
/// nats per token.
pub(crate) fn loss_and_gradients(
    hidden: &Tensor,
    table: &Tensor,
    targets: &[u32],
    scale: f32,
) -> Result<(Tensor, [Tensor; 2])> {
    let mut losses = Vec::with_capacity(targets.len());
    let mut d_hidden = Vec::new();
    let mut d_table: Option<Tensor> = None;
    for (start, targets) in chunks(targets, table.dim(0)?) {
        let rows = hidden.narrow(0, start, targets.len())?;
        let logits = rows.matmul(&table.t()?)?;
        losses.extend(LogitGradient::run(&logits, targets, scale)?);
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
    let total: f64 = losses.iter().map(|&loss| f64::from(loss)).sum();
    let loss = Tensor::new((total * f64::from(scale)) as f32, hidden.device())?;
    Ok((loss, [d_hidden, d_table]))
}

/// Replaces logits [n, vocab] by the gradient of the loss, `(softmax − one-hot) · scale`, and gives the loss
/// of each row on the side.
struct LogitGradient<'a> {
    targets: &'a [u32],
    scale: f32,
    losses: Mutex<Vec<f32>>,
}

impl<'a> LogitGradient<'a> {
    fn run(logits: &Tensor, targets: &'a [u32], scale: f32) -> Result<Vec<f32>> {
        let this = Self { targets, scale, losses: Mutex::new(Vec::with_capacity(targets.len())) };
        logits.inplace_op1(&this)?;
        Ok(this.losses.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl InplaceOp1 for LogitGradient<'_> {
    fn name(&self) -> &'static str {
        "logit_gradient"
    }

    fn cpu_fwd(&self, logits: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(logits) = logits else { bail!("logit_gradient needs f32") };
        let (_, vocab_size) = layout.shape().dims2()?;
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, &target) in logits.chunks_exact_mut(vocab_size).zip(self.targets) {
            let Some(&logit) = row.get(target as usize) else {
                bail!("target {target} is not below the vocabulary size {vocab_size}")
            };
            let (largest, sum) = kernels::vectorised(|| {
                let largest = kernels::max(row);
                let sum = kernels::exp_and_sum(row, largest);
                let factor = self.scale / sum;
                for value in row.iter_mut() {
                    *value *= factor;
                }
                (largest, sum)
            });
            losses.push(sum.ln() + largest - logit);
            row[target as usize] -= self.scale;
        }
        Ok(())
    }
}
