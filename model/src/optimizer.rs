//! AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), and clipping by global norm.
//!
//! On the CPU the sums and updates run over fixed chunks of each tensor, so that the result is the same for
//! any number of threads.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Storage, Tensor, Var, bail};
use rayon::prelude::*;

use crate::ModelError;
use crate::ops::kernels::vectorised;
use crate::parameters::{EMBEDDING, Parameters, read_tensors, write_tensors};

/// Decay of the first moment.
pub const BETA1: f64 = 0.9;

/// Decay of the second moment: 0.95 as for GPT-3, since language-model gradients change quickly.
pub const BETA2: f64 = 0.95;

/// Keeps the division finite where the second moment is zero.
pub const EPSILON: f64 = 1e-8;

/// Elements that one task updates or sums.
const CHUNK: usize = 1 << 14;

/// Name of the file with the moments within a checkpoint.
const FILE: &str = "optimizer.safetensors";

/// The optimiser's state: two moments in f32 for every parameter.
#[derive(Debug)]
pub struct AdamW {
    moments: Vec<(Var, Var)>,
    weight_decay: f64,
}

impl AdamW {
    /// An optimiser with zero moments. Decay applies to matrices, except the embedding table.
    pub fn new(
        parameters: &Parameters,
        weight_decay: f64,
    ) -> std::result::Result<Self, ModelError> {
        let zeros = |(_, variable): (&str, &Var)| {
            Ok::<_, ModelError>((
                Var::from_tensor(&variable.zeros_like()?)?,
                Var::from_tensor(&variable.zeros_like()?)?,
            ))
        };
        Ok(Self {
            moments: parameters.iter().map(zeros).collect::<std::result::Result<_, _>>()?,
            weight_decay,
        })
    }

    /// Reads the moments back from the bytes of an `optimizer.safetensors`.
    ///
    /// # Errors
    /// A moment is missing or has another shape than its parameter.
    pub fn from_safetensors(
        parameters: &Parameters,
        weight_decay: f64,
        bytes: &[u8],
    ) -> std::result::Result<Self, ModelError> {
        let moment = |kind: &str| {
            let names: Vec<String> =
                parameters.iter().map(|(name, _)| format!("{kind}.{name}")).collect();
            let shapes = parameters.iter().map(|(_, variable)| variable.dims());
            let values = read_tensors(FILE, bytes, names.iter().map(String::as_str).zip(shapes))?;
            let variables = parameters.iter().zip(values).map(|((_, variable), values)| {
                Ok(Var::from_vec(values, variable.shape(), variable.device())?)
            });
            variables.collect::<std::result::Result<Vec<_>, ModelError>>()
        };
        let moments = moment("first")?.into_iter().zip(moment("second")?).collect();
        Ok(Self { moments, weight_decay })
    }

    /// The bytes of an `optimizer.safetensors`.
    pub fn to_safetensors(
        &self,
        parameters: &Parameters,
    ) -> std::result::Result<Vec<u8>, ModelError> {
        let tensors =
            parameters.iter().zip(&self.moments).flat_map(|((name, _), (first, second))| {
                [
                    (format!("first.{name}"), first.as_tensor()),
                    (format!("second.{name}"), second.as_tensor()),
                ]
            });
        write_tensors(FILE, tensors)
    }

    /// One update; `step` counts from 1. The gradients are multiplied by `gradient_scale` first.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &[Tensor],
        step: usize,
        learning_rate: f64,
        gradient_scale: f64,
    ) -> std::result::Result<(), ModelError> {
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let update = Update {
            rate: learning_rate / (1.0 - BETA1.powi(exponent)),
            second_correction: 1.0 / (1.0 - BETA2.powi(exponent)),
            gradient_scale,
            shrink: 0.0,
        };
        for (((name, variable), gradient), (first, second)) in
            parameters.iter().zip(gradients).zip(&self.moments)
        {
            let decays = variable.rank() >= 2 && name != EMBEDDING;
            let shrink = if decays { learning_rate * self.weight_decay } else { 0.0 };
            Update { shrink, ..update }.apply(variable, gradient, first, second)?;
        }
        Ok(())
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Update {
    rate: f64,
    second_correction: f64,
    gradient_scale: f64,
    shrink: f64,
}

impl Update {
    fn apply(&self, variable: &Var, gradient: &Tensor, first: &Var, second: &Var) -> Result<()> {
        if !variable.device().is_cpu() {
            return self.apply_composite(variable, gradient, first, second);
        }
        let keep = (BETA1 as f32, BETA2 as f32);
        let scale = self.gradient_scale as f32;
        first.inplace_op2(gradient, &Moment { keep: keep.0, power: |g: f32| g, scale })?;
        second.inplace_op2(gradient, &Moment { keep: keep.1, power: |g: f32| g * g, scale })?;
        variable.inplace_op3(first, second, self)
    }

    fn apply_composite(
        &self,
        variable: &Var,
        gradient: &Tensor,
        first: &Var,
        second: &Var,
    ) -> Result<()> {
        let gradient = (gradient * self.gradient_scale)?;
        first.set(&((first.as_tensor() * BETA1)? + (&gradient * (1.0 - BETA1))?)?)?;
        second.set(&((second.as_tensor() * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?)?;
        let root = ((second.as_tensor() * self.second_correction)?.sqrt()? + EPSILON)?;
        let change = (first.as_tensor().div(&root)? * self.rate)?;
        variable.set(&((variable.as_tensor() * (1.0 - self.shrink))? - change)?)
    }
}

/// m ← keep · m + (1 − keep) · power(scale · g).
struct Moment<P> {
    keep: f32,
    power: P,
    scale: f32,
}

impl<P: Fn(f32) -> f32 + Sync> InplaceOp2 for Moment<P> {
    fn name(&self) -> &'static str {
        "adamw_moment"
    }

    fn cpu_fwd(
        &self,
        moment: &mut CpuStorage,
        _: &Layout,
        gradient: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let moment = whole_mut(moment)?;
        let gradient = part(gradient, layout)?;
        moment.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).for_each(
            |(moment, gradient)| {
                for (m, g) in moment.iter_mut().zip(gradient) {
                    *m = self.keep * *m + (1.0 - self.keep) * (self.power)(g * self.scale);
                }
            },
        );
        Ok(())
    }
}

impl InplaceOp3 for Update {
    fn name(&self) -> &'static str {
        "adamw_update"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        _: &Layout,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> Result<()> {
        let parameter = whole_mut(parameter)?;
        let (first, second) = (part(first, first_layout)?, part(second, second_layout)?);
        let (rate, correction) = (self.rate as f32, self.second_correction as f32);
        let (keep, epsilon) = ((1.0 - self.shrink) as f32, EPSILON as f32);
        let moments = first.par_chunks(CHUNK).zip(second.par_chunks(CHUNK));
        parameter.par_chunks_mut(CHUNK).zip(moments).for_each(|(parameter, (first, second))| {
            vectorised(|| {
                for ((p, m), v) in parameter.iter_mut().zip(first).zip(second) {
                    *p = keep * *p - rate * m / ((v * correction).sqrt() + epsilon);
                }
            });
        });
        Ok(())
    }
}

fn whole_mut(storage: &mut CpuStorage) -> Result<&mut [f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(values),
        _ => bail!("the optimiser needs f32"),
    }
}

fn part<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the optimiser needs contiguous gradients"),
    }
}

/// Adds up the gradients of the slices, `slices[slice][parameter]`, in the order of the slices.
pub fn sum_slices(slices: &[Vec<Tensor>]) -> Result<Vec<Tensor>> {
    let Some((first, rest)) = slices.split_first() else { return Ok(Vec::new()) };
    if rest.is_empty() {
        return Ok(first.clone());
    }
    (0..first.len())
        .map(|parameter| {
            let shape = first[parameter].shape();
            let guards: Vec<_> =
                slices.iter().map(|slice| slice[parameter].storage_and_layout()).collect();
            let mut parts = Vec::with_capacity(guards.len());
            for (storage, layout) in &guards {
                match &**storage {
                    Storage::Cpu(storage) => parts.push(part(storage, layout)?),
                    _ => bail!("only the CPU cuts a batch into slices"),
                }
            }
            let mut sum = vec![0.0; shape.elem_count()];
            sum.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sum)| {
                for part in &parts {
                    let part = &part[chunk * CHUNK..][..sum.len()];
                    for (sum, value) in sum.iter_mut().zip(part) {
                        *sum += value;
                    }
                }
            });
            Tensor::from_vec(sum, shape, first[parameter].device())
        })
        .collect()
}

/// The Euclidean norm of each tensor, accumulated in f64.
pub fn norms(tensors: &[Tensor]) -> Result<Vec<f64>> {
    let square_sum = |tensor: &Tensor| -> Result<f64> {
        if !tensor.device().is_cpu() {
            return Ok(f64::from(tensor.sqr()?.sum_all()?.to_scalar::<f32>()?));
        }
        crate::ops::tape::read(tensor, |values| {
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
    use crate::random::{keyed, normals};

    fn normal(name: &str) -> Var {
        let values = normals(&mut keyed(3, name), 40_000, 1.0);
        Var::from_vec(values, (200, 200), &Device::Cpu).unwrap()
    }

    #[test]
    fn both_forms_of_the_update_follow_the_definition() {
        let update =
            Update { rate: 0.01, second_correction: 20.0, gradient_scale: 0.5, shrink: 0.001 };
        let run = |fused: bool| {
            let [parameter, first, root] = ["parameter", "first", "second"].map(normal);
            let second = Var::from_tensor(&root.sqr().unwrap()).unwrap();
            let gradient = normal("gradient").as_tensor().clone();
            let apply = if fused { Update::apply } else { Update::apply_composite };
            apply(&update, &parameter, &gradient, &first, &second).unwrap();
            [&parameter, &first, &second]
                .map(|tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap())
        };
        let before = ["parameter", "first", "second", "gradient"].map(|name| {
            f64::from(normal(name).flatten_all().unwrap().to_vec1::<f32>().unwrap()[7])
        });
        let [p, m, v, g] = [before[0], before[1], before[2].powi(2), before[3] * 0.5];
        let (m, v) = (0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g);
        let p = p * 0.999 - 0.01 * m / ((v * 20.0).sqrt() + 1e-8);
        let (fused, composite) = (run(true), run(false));
        for (tensor, expected) in [p, m, v].into_iter().enumerate() {
            assert!((f64::from(fused[tensor][7]) - expected).abs() < 1e-6);
            let pairs = fused[tensor].iter().zip(&composite[tensor]);
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn slices_are_added_in_their_order_and_norms_are_euclidean() {
        let slice = |value: f32| vec![Tensor::full(value, (3, 7000), &Device::Cpu).unwrap()];
        let sum = sum_slices(&[slice(1.0), slice(2.0), slice(-2.5)]).unwrap();
        assert!((norms(&sum).unwrap()[0] - 0.5 * 21_000_f64.sqrt()).abs() < 1e-9);
    }
}
