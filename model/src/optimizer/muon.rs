//! Muon: orthogonalised momentum (Jordan et al. 2024), for the matrices inside the layers.
//!
//! An update of AdamW has a root mean square of about 0.2. Muon's updates are scaled to the same
//! size, so that they work with AdamW's learning rate and weight decay (Liu et al. 2025, section
//! 2.2).

use candle_core::{Result, Tensor, Var};

/// Decay of the momentum.
const MOMENTUM: f64 = 0.95;

/// Steps of the iteration.
const ITERATIONS: usize = 5;

/// Coefficients of the quintic iteration. They bring singular values near 1 in five steps, where
/// others bring them to exactly 1 in many (Jordan et al. 2024).
const COEFFICIENTS: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);

/// Root mean square of an AdamW update.
const ADAMW_RMS: f64 = 0.2;

/// Keeps the division finite for a momentum of zeros.
const EPSILON: f64 = 1e-7;

/// Changes a matrix [out, in] and its momentum in place; `shrink` is the fraction of the matrix
/// that decays.
pub(crate) fn update(
    variable: &Var,
    gradient: &Tensor,
    momentum: &Var,
    (learning_rate, shrink, gradient_scale): (f64, f64, f64),
) -> Result<()> {
    let gradient = (gradient * gradient_scale)?;
    momentum.set(&((momentum.as_tensor() * MOMENTUM)? + (&gradient * (1.0 - MOMENTUM))?)?)?;
    // Nesterov's momentum looks one update ahead.
    let ahead = ((momentum.as_tensor() * MOMENTUM)? + (gradient * (1.0 - MOMENTUM))?)?;
    let (rows, columns) = variable.dims2()?;
    let rate = learning_rate * ADAMW_RMS * (rows.max(columns) as f64).sqrt();
    let change = (orthogonalised(&ahead)? * rate)?;
    variable.set(&((variable.as_tensor() * (1.0 - shrink))? - change)?)
}

/// Approximately U·Vᵀ of the singular value decomposition U·S·Vᵀ of `matrix`.
fn orthogonalised(matrix: &Tensor) -> Result<Tensor> {
    let (rows, columns) = matrix.dims2()?;
    // The product with the transpose below is smallest for a wide matrix.
    let tall = rows > columns;
    let x = if tall { matrix.t()?.contiguous()? } else { matrix.clone() };
    let norm = f64::from(x.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt();
    let mut x = (x / (norm + EPSILON))?;
    let (a, b, c) = COEFFICIENTS;
    for _ in 0..ITERATIONS {
        let square = x.matmul(&x.t()?)?;
        let polynomial = ((&square * b)? + (square.matmul(&square)? * c)?)?;
        x = ((&x * a)? + polynomial.matmul(&x)?)?;
    }
    if tall { x.t()?.contiguous() } else { Ok(x) }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::random::{normals, random_for};

    #[test]
    fn singular_values_come_near_one() {
        for (rows, columns) in [(20, 60), (60, 20)] {
            let values = normals(&mut random_for(1, "muon"), rows * columns, 3.0);
            let matrix = Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap();
            let x = orthogonalised(&matrix).unwrap();
            let (wide, short) = if rows > columns { (x.t().unwrap(), columns) } else { (x, rows) };
            let wide = wide.contiguous().unwrap();
            let gram = wide.matmul(&wide.t().unwrap()).unwrap().to_vec2::<f32>().unwrap();
            for (i, row) in gram.iter().enumerate() {
                assert!((0.4..1.5).contains(&row[i]), "{rows}x{columns}: {}", row[i]);
            }
            let trace: f32 = gram.iter().enumerate().map(|(i, row)| row[i]).sum();
            assert!((trace / short as f32 - 0.9).abs() < 0.3);
        }
    }
}
