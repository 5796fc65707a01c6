//! AdamW with decoupled weight decay (Loshchilov and Hutter, 2019).

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor, Var};
use rayon::prelude::*;

use super::arithmetic::{CHUNK, part, whole_mut};
use crate::ops::kernels::vectorised;

/// Keeps the division finite where the second moment is zero.
const EPSILON: f64 = 1e-8;

/// The numbers of one update of one parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Update {
    /// Decay of the first and of the second moment.
    pub(crate) betas: (f64, f64),
    /// The learning rate, divided by the bias of the first moment (1 − beta1^update).
    pub(crate) rate: f64,
    /// One over the bias of the second moment (1 − beta2^update).
    pub(crate) second_correction: f64,
    /// Factor of the gradient, applied before anything else.
    pub(crate) gradient_scale: f64,
    /// The fraction of the parameter that decays.
    pub(crate) shrink: f64,
}

impl Update {
    /// Changes the parameter and both moments in place.
    pub(crate) fn apply(
        &self,
        variable: &Var,
        gradient: &Tensor,
        first: &Var,
        second: &Var,
    ) -> Result<()> {
        if !variable.device().is_cpu() {
            return self.apply_composite(variable, gradient, first, second);
        }
        let keep = (self.betas.0 as f32, self.betas.1 as f32);
        let scale = self.gradient_scale as f32;
        let gradient = gradient.contiguous()?;
        first.inplace_op2(&gradient, &Moment { keep: keep.0, power: |g: f32| g, scale })?;
        second.inplace_op2(&gradient, &Moment { keep: keep.1, power: |g: f32| g * g, scale })?;
        variable.inplace_op3(first, second, self)
    }

    fn apply_composite(
        &self,
        variable: &Var,
        gradient: &Tensor,
        first: &Var,
        second: &Var,
    ) -> Result<()> {
        let (beta1, beta2) = self.betas;
        let gradient = (gradient * self.gradient_scale)?;
        first.set(&((first.as_tensor() * beta1)? + (&gradient * (1.0 - beta1))?)?)?;
        second.set(&((second.as_tensor() * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?)?;
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

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random::{normals, random_for};

    fn normal(name: &str) -> Var {
        let values = normals(&mut random_for(3, name), 40_000, 1.0);
        Var::from_vec(values, (200, 200), &Device::Cpu).unwrap()
    }

    #[test]
    fn both_forms_of_the_update_follow_the_definition() {
        let update = Update {
            betas: (0.9, 0.95),
            rate: 0.01,
            second_correction: 20.0,
            gradient_scale: 0.5,
            shrink: 0.001,
        };
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
}
