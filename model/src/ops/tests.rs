//! Every operation alone: the gradients of the composite form against finite differences in f64,
//! and the fused form against the composite form.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};

use super::{
    Composite, Differentiable, Gradients, HeadShape, LossOptions, Operations, RopeTable, Tape,
};
use crate::config::ModelConfig;
use crate::random::{normals, random_for};
use crate::rows::IGNORED;

const TOKENS: usize = 60;
const WIDTH: usize = 24;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Embed,
    Linear,
    RmsNorm,
    NormOfHeads,
    Swiglu,
    ReluSquared,
    Add,
    Attention,
}

use Operation::{Add, Attention, Embed, Linear, NormOfHeads, ReluSquared, RmsNorm, Swiglu};

impl Operation {
    const ALL: [Self; 8] =
        [Embed, Linear, RmsNorm, NormOfHeads, Swiglu, ReluSquared, Add, Attention];

    /// The shapes of its values and of its weight.
    fn shapes(self) -> (Vec<(usize, usize)>, Option<Vec<usize>>) {
        let one = (TOKENS, WIDTH);
        match self {
            Embed => (vec![], Some(vec![11, WIDTH])),
            Linear => (vec![one], Some(vec![17, WIDTH])),
            RmsNorm => (vec![one], Some(vec![WIDTH])),
            NormOfHeads => (vec![one], Some(vec![WIDTH / 4])),
            ReluSquared => (vec![one], None),
            Swiglu | Add => (vec![one; 2], None),
            // Four query heads over two key heads of width 6.
            Attention => (vec![one, (TOKENS, WIDTH / 2), (TOKENS, WIDTH / 2)], None),
        }
    }

    fn apply<O: Operations>(self, ops: &O, values: &[O::Value], weight: &[Tensor]) -> O::Value {
        let result = match self {
            Embed => ops.embed(&[3, 10, 3, 0], &weight[0]),
            Linear => ops.linear(&values[0], &weight[0]),
            RmsNorm | NormOfHeads => ops.rms_norm(&values[0], &weight[0], 1e-3),
            Swiglu => ops.swiglu(&values[0], &values[1]),
            ReluSquared => ops.relu_squared(&values[0]),
            Add => ops.add(&values[0], &values[1]),
            Attention => {
                // Sequences shorter and longer than a block of queries.
                let ends = [1, 8, TOKENS].into();
                let shape = HeadShape { heads: 4, kv_heads: 2, width: 6, ends };
                let config = ModelConfig { head_dim: 6, ..ModelConfig::default() };
                let rope = Arc::new(RopeTable::new(&config, &Device::Cpu).unwrap());
                ops.attention([&values[0], &values[1], &values[2]], &shape, &rope)
            }
        };
        result.unwrap()
    }
}

fn draw(name: &str, shape: &[usize], dtype: DType) -> Tensor {
    let values = normals(&mut random_for(7, name), shape.iter().product(), 1.0);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference.
fn distance(a: &Tensor, b: &Tensor) -> f64 {
    let pairs = values(a).into_iter().zip(values(b));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    values(a).iter().zip(values(b)).map(|(a, b)| a * b).sum()
}

/// The values and then the weight of an operation.
fn inputs(operation: Operation, dtype: DType) -> Vec<Tensor> {
    let (values, weight) = operation.shapes();
    let shapes = values.into_iter().map(|(n, width)| vec![n, width]).chain(weight);
    let named = shapes.enumerate();
    named.map(|(index, shape)| draw(&format!("{operation:?} {index}"), &shape, dtype)).collect()
}

/// The result, and the gradients of Σ result · direction for all inputs.
fn run<O: Differentiable>(operation: Operation, inputs: &[Tensor]) -> (Tensor, Vec<Tensor>) {
    let ops = O::recording();
    let count = operation.shapes().0.len();
    let (leaves, given): (Vec<_>, Vec<_>) =
        inputs[..count].iter().map(|input| ops.leaf(input).unwrap()).unzip();
    let weight: Vec<Tensor> = inputs[count..]
        .iter()
        .map(|weight| Var::from_tensor(weight).unwrap().into_inner())
        .collect();
    let result = operation.apply(&ops, &given, &weight);
    let content = O::content(&result);
    let mut found = ops.backward(&result, &direction(&content)).unwrap();
    let all = leaves.iter().chain(&weight);
    let gradients = all.map(|leaf| found.take(leaf).unwrap()).collect();
    (content, gradients)
}

fn direction(result: &Tensor) -> Tensor {
    draw("direction", result.dims(), result.dtype())
}

#[test]
fn each_composite_gradient_agrees_with_finite_differences_in_f64() {
    for operation in Operation::ALL {
        let inputs = inputs(operation, DType::F64);
        let (_, gradients) = run::<Composite>(operation, &inputs);
        for (index, gradient) in gradients.iter().enumerate() {
            let step = draw("step", inputs[index].dims(), DType::F64);
            let at = |distance: f64| {
                let mut inputs = inputs.clone();
                inputs[index] = (&inputs[index] + (&step * distance).unwrap()).unwrap();
                let (result, _) = run::<Composite>(operation, &inputs);
                dot(&result, &direction(&result))
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            let expected = dot(gradient, &step);
            let far = (slope - expected).abs();
            assert!(
                far < 1e-6 * (1.0 + expected.abs()),
                "{operation:?} {index}: {slope} {expected}"
            );
        }
    }
}

#[test]
fn each_fused_operation_agrees_with_its_composite_form() {
    for operation in Operation::ALL {
        let (expected, expected_gradients) =
            run::<Composite>(operation, &inputs(operation, DType::F64));
        let (result, gradients) = run::<Tape>(operation, &inputs(operation, DType::F32));
        let pairs =
            std::iter::once((&expected, &result)).chain(expected_gradients.iter().zip(&gradients));
        for (index, (expected, found)) in pairs.enumerate() {
            assert_eq!(expected.dims(), found.dims());
            let far = distance(expected, found);
            assert!(far < 5e-5, "{operation:?} {index}: {far}");
        }
    }
}

#[test]
fn the_loss_and_its_gradients_agree_with_finite_differences_and_each_other() {
    let targets: Vec<u32> =
        (0..TOKENS as u32).map(|i| if i % 7 == 0 { IGNORED } else { i % 31 }).collect();
    for (z_loss, softcap) in [(0.0, 0.0), (0.1, 0.0), (0.1, 3.0)] {
        let options = LossOptions { scale: 0.25, z_loss, softcap };
        let given =
            |dtype| [draw("hidden", &[TOKENS, WIDTH], dtype), draw("table", &[31, WIDTH], dtype)];
        let loss = |[hidden, table]: &[Tensor; 2]| {
            Composite::<false>::loss_and_gradients(hidden, table, &targets, &options).unwrap()
        };
        let exact = given(DType::F64);
        let (sums, gradients) = loss(&exact);
        for index in 0..2 {
            let step = draw("step", exact[index].dims(), DType::F64);
            let at = |distance: f64| {
                let mut moved = exact.clone();
                moved[index] = (&moved[index] + (&step * distance).unwrap()).unwrap();
                loss(&moved).0.total(&options)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            let expected = dot(&gradients[index], &step);
            assert!((slope - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{slope} {expected}");
        }
        let [hidden, table] = given(DType::F32);
        let (fused_sums, fused) =
            Tape::loss_and_gradients(&hidden, &table, &targets, &options).unwrap();
        assert!((sums.total(&options) - fused_sums.total(&options)).abs() < 1e-4 * sums.nats);
        for (expected, found) in gradients.iter().zip(&fused) {
            assert!(distance(expected, found) < 5e-5);
        }
    }
}
