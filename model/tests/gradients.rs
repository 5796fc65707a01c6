//! The whole decoder, in every shape: gradients against finite differences in f64, the fused form
//! against the composite form, packed rows against their documents.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use candle_core::{DType, Device, Tensor};
use model::{
    Activation, Kernels, Llama, LossOptions, LossSums, ModelConfig, Rows, normals, random_for,
};
use rand_chacha::rand_core::RngCore;

fn ids(count: usize, vocab_size: u32) -> Vec<u32> {
    let mut random = random_for(5, "ids");
    (0..count).map(|_| random.next_u32() % vocab_size).collect()
}

fn plain() -> ModelConfig {
    ModelConfig {
        vocab_size: 61,
        dim: 24,
        n_layers: 2,
        n_heads: 4,
        n_kv_heads: 2,
        ffn_dim: 40,
        context: 160,
        tie_embeddings: false,
        ..ModelConfig::default()
    }
}

/// One shape for each variant of an operation.
fn shapes() -> Vec<(&'static str, ModelConfig)> {
    vec![
        ("plain", plain()),
        ("tied", ModelConfig { tie_embeddings: true, ..plain() }),
        ("normed heads of another width", ModelConfig { qk_norm: true, head_dim: 10, ..plain() }),
        ("squared relu", ModelConfig { activation: Activation::Relu2, ..plain() }),
        ("capped logits", ModelConfig { logit_softcap: 2.0, ..plain() }),
        ("one key head", ModelConfig { n_kv_heads: 1, ..plain() }),
    ]
}

/// Weights much larger than those of a fresh model, so that the model is far from linear.
fn lively(config: &ModelConfig) -> Llama {
    let model = Llama::init(config, 4, &Device::Cpu).unwrap();
    for (name, variable) in model.parameters().iter() {
        let values = if variable.rank() == 2 {
            (variable.as_tensor() * if name.contains("_proj") { 12.0 } else { 30.0 }).unwrap()
        } else {
            let normals = normals(&mut random_for(9, name), variable.elem_count(), 0.3);
            (Tensor::from_vec(normals, variable.shape(), &Device::Cpu).unwrap() + 1.0).unwrap()
        };
        variable.set(&values).unwrap();
    }
    model
}

/// Rows of several lengths with several documents, some of them longer than a block of attention.
fn packed() -> Rows {
    let mut rows = Rows::default();
    rows.push(&ids(140, 61), &[3, 4, 57]);
    rows.push(&ids(12, 61), &[]);
    rows.push(&ids(70, 61), &[69]);
    rows
}

fn options(model: &Llama, rows: &Rows, z_loss: f32) -> LossOptions {
    LossOptions { z_loss, ..model.loss_options(1.0 / rows.loss_tokens() as f32) }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let size: f64 = a.iter().map(|x| x.powi(2)).sum();
    let square: f64 = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum();
    (square / size.max(1e-30)).sqrt()
}

#[test]
fn composite_gradients_agree_with_finite_differences_in_f64() {
    for (what, config) in shapes() {
        let model = lively(&ModelConfig { n_layers: 1, ..config.clone() });
        let config = model.config().clone();
        let parameters = model.parameters().to_dtype(DType::F64).unwrap();
        let model = Llama::new(&config, parameters, &Device::Cpu).unwrap();
        let model = model.with_kernels(Kernels::Composite);
        let mut rows = Rows::default();
        rows.push(&ids(11, 61), &[4]);
        let options = options(&model, &rows, 1e-2);
        let loss = |model: &Llama| {
            let (sums, _) = model.loss_and_gradients(&rows, &options, false).unwrap();
            let (scale, z_loss) = (f64::from(options.scale), f64::from(options.z_loss));
            scale * (sums.nats + z_loss * sums.squared_log_sums)
        };
        let (_, gradients) = model.loss_and_gradients(&rows, &options, false).unwrap();
        for ((name, variable), gradient) in model.parameters().iter().zip(&gradients) {
            let start = variable.as_tensor().copy().unwrap();
            let count = variable.elem_count();
            let direction = normals(&mut random_for(2, name), count, 1.0);
            let direction = Tensor::from_vec(direction, variable.shape(), &Device::Cpu).unwrap();
            let direction = direction.to_dtype(DType::F64).unwrap();
            let step = 1e-5;
            let at = |distance: f64| {
                variable.set(&(&start + (&direction * distance).unwrap()).unwrap()).unwrap();
                loss(&model)
            };
            let slope = (at(step) - at(-step)) / (2.0 * step);
            variable.set(&start).unwrap();
            let dot: f64 =
                values(gradient).iter().zip(values(&direction)).map(|(g, d)| g * d).sum();
            let scale = values(gradient).iter().map(|g| g * g).sum::<f64>().sqrt();
            assert!((slope - dot).abs() < 1e-6 * scale + 1e-9, "{what}, {name}: {slope} {dot}");
        }
    }
}

#[test]
fn fused_operations_agree_with_the_composite_ones() {
    for (what, config) in shapes() {
        let model = lively(&config);
        let rows = packed();
        let options = options(&model, &rows, 1e-2);
        let (sums, fused) = model.loss_and_gradients(&rows, &options, false).unwrap();
        let composite = model.with_kernels(Kernels::Composite);
        let (oracle_sums, oracle) = composite.loss_and_gradients(&rows, &options, false).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-5 * a.abs();
        let LossSums { nats, squared_log_sums } = oracle_sums;
        assert!(close(nats, sums.nats), "{what}: {sums:?} {oracle_sums:?}");
        assert!(close(squared_log_sums, sums.squared_log_sums), "{what}: {sums:?} {oracle_sums:?}");
        for (((name, _), fused), oracle) in model.parameters().iter().zip(&fused).zip(&oracle) {
            let (fused, oracle) = (values(fused), values(oracle));
            assert!(oracle.iter().any(|&value| value != 0.0), "{what}: {name} has no gradient");
            let difference = distance(&oracle, &fused);
            assert!(difference < 5e-5, "{what}, {name}: relative difference {difference}");
        }
        let losses = model.token_losses(&rows).unwrap();
        let nats: f64 = losses.iter().map(|&loss| f64::from(loss)).sum();
        assert!(close(nats, sums.nats), "{what}: {nats} {sums:?}");
    }
}

#[test]
fn sixteen_bit_products_have_nearly_the_same_gradients() {
    let model = lively(&ModelConfig { qk_norm: true, ..plain() });
    let rows = packed();
    let options = options(&model, &rows, 0.0);
    let (sums, exact) = model.loss_and_gradients(&rows, &options, false).unwrap();
    let half = model.with_kernels(Kernels::CompositeBf16);
    let (half_sums, half) = half.loss_and_gradients(&rows, &options, true).unwrap();
    assert!((sums.nats - half_sums.nats).abs() < 0.01 * sums.nats, "{sums:?} {half_sums:?}");
    for (((name, _), exact), half) in model.parameters().iter().zip(&exact).zip(&half) {
        assert_eq!(half.dtype(), DType::F32);
        let difference = distance(&values(exact), &values(half));
        assert!(difference < 0.1, "{name}: relative difference {difference}");
    }
}

#[test]
fn layers_computed_again_give_the_same_gradients_to_the_bit() {
    for tie_embeddings in [false, true] {
        let model = lively(&ModelConfig { tie_embeddings, qk_norm: true, ..plain() });
        let rows = packed();
        let options = options(&model, &rows, 0.0);
        for kernels in [Kernels::Fused, Kernels::Composite] {
            let model = model.with_kernels(kernels);
            let (sums, kept) = model.loss_and_gradients(&rows, &options, false).unwrap();
            let (again_sums, again) = model.loss_and_gradients(&rows, &options, true).unwrap();
            assert_eq!(sums, again_sums);
            for ((name, _), (a, b)) in model.parameters().iter().zip(kept.iter().zip(&again)) {
                assert_eq!(values(a), values(b), "{name}, {kernels:?}");
            }
        }
    }
}

#[test]
fn packed_rows_have_the_loss_and_gradients_of_their_documents() {
    let model = lively(&ModelConfig { qk_norm: true, ..plain() });
    let ids = ids(150, 61);
    let boundaries = [20, 75, 77, 149];
    let mut packed = Rows::default();
    packed.push(&ids, &boundaries);
    let mut documents = Rows::default();
    let mut start = 0;
    for end in boundaries.into_iter().chain([150]) {
        documents.push(&ids[start..end], &[]);
        start = end;
    }
    assert_eq!(packed.loss_tokens(), documents.loss_tokens());
    for kernels in [Kernels::Fused, Kernels::Composite] {
        let model = model.with_kernels(kernels);
        let options = options(&model, &packed, 0.0);
        let (loss, gradients) = model.loss_and_gradients(&packed, &options, false).unwrap();
        let (apart, apart_gradients) =
            model.loss_and_gradients(&documents, &options, false).unwrap();
        assert!((loss.nats - apart.nats).abs() < 1e-6 * loss.nats, "{loss:?} {apart:?}");
        for ((name, _), (a, b)) in
            model.parameters().iter().zip(gradients.iter().zip(&apart_gradients))
        {
            assert!(distance(&values(a), &values(b)) < 1e-5, "{name}");
        }
    }
}
