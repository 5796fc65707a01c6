//! Sums and norms of gradients, in fixed chunks: the result is the same for any number of threads.

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Storage, Tensor, bail};
use rayon::prelude::*;

use crate::ops::tape::read;

/// Elements that one task updates or sums.
pub(crate) const CHUNK: usize = 1 << 14;

/// The values of a storage that an in-place operation changes.
pub(crate) fn whole_mut(storage: &mut CpuStorage) -> Result<&mut [f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(values),
        _ => bail!("the optimiser needs f32"),
    }
}

/// The values of a tensor that an in-place operation reads.
pub(crate) fn part<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the optimiser needs contiguous gradients"),
    }
}

/// Adds `gradients` to `sums`, tensor by tensor, in place. The sums must not share their memory.
///
/// # Errors
/// The shapes differ, or memory runs out.
pub(crate) fn add_to(sums: &mut [Tensor], gradients: &[Tensor]) -> Result<()> {
    for (sum, gradient) in sums.iter_mut().zip(gradients) {
        let on_cpu = matches!(&*sum.storage_and_layout().0, Storage::Cpu(CpuStorage::F32(_)));
        if on_cpu && sum.is_contiguous() {
            sum.inplace_op2(&gradient.contiguous()?, &Add)?;
        } else {
            *sum = (&*sum + gradient)?;
        }
    }
    Ok(())
}

struct Add;

impl InplaceOp2 for Add {
    fn name(&self) -> &'static str {
        "add_to"
    }

    fn cpu_fwd(
        &self,
        sum: &mut CpuStorage,
        sum_layout: &Layout,
        other: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let other = part(other, layout)?;
        let Some((start, end)) = sum_layout.contiguous_offsets() else {
            bail!("a sum must be contiguous")
        };
        for (sum, value) in whole_mut(sum)?[start..end].iter_mut().zip(other) {
            *sum += value;
        }
        Ok(())
    }
}

/// The Euclidean norm of each tensor, accumulated in f64.
///
/// # Errors
/// A tensor is not f32.
pub fn norms(tensors: &[Tensor]) -> Result<Vec<f64>> {
    let square_sum = |tensor: &Tensor| -> Result<f64> {
        if !tensor.device().is_cpu() {
            return Ok(f64::from(tensor.sqr()?.sum_all()?.to_scalar::<f32>()?));
        }
        read(&tensor.contiguous()?, |values| {
            let sums: Vec<f64> = values
                .par_chunks(CHUNK)
                .map(|chunk| chunk.iter().map(|&value| f64::from(value) * f64::from(value)).sum())
                .collect();
            sums.iter().sum()
        })
    };
    tensors.iter().map(|tensor| Ok(square_sum(tensor)?.sqrt())).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn sums_are_made_in_place_and_norms_are_euclidean() {
        let full = |value: f32| vec![Tensor::full(value, (3, 7000), &Device::Cpu).unwrap()];
        let mut sum = full(1.0);
        add_to(&mut sum, &full(2.0)).unwrap();
        add_to(&mut sum, &full(-2.5)).unwrap();
        assert!((norms(&sum).unwrap()[0] - 0.5 * 21_000_f64.sqrt()).abs() < 1e-9);
    }
}
