//! Laws of the model and its trainer, on models small enough to train in a test.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::collections::BTreeMap;

use candle_core::Device;
use model::{
    CheckpointFiles, CheckpointStore, Control, GenerateConfig, Llama, ModelConfig, ModelError,
    Progress, StoreError, TrainConfig, TrainSummary, generate, load_model, pretrain, random,
    unigram_entropy,
};
use rand_chacha::rand_core::RngCore;

#[derive(Default)]
struct Memory(BTreeMap<usize, CheckpointFiles>);

impl CheckpointStore for Memory {
    fn save(&mut self, step: usize, files: &[(&str, Vec<u8>)]) -> Result<(), StoreError> {
        let files = files.iter().map(|(name, content)| ((*name).to_owned(), content.clone()));
        self.0.insert(step, files.collect());
        Ok(())
    }

    fn latest(&self) -> Result<Option<(usize, CheckpointFiles)>, StoreError> {
        Ok(self.0.last_key_value().map(|(step, files)| (*step, files.clone())))
    }
}

fn small() -> ModelConfig {
    ModelConfig {
        vocab_size: 61,
        dim: 32,
        n_layers: 2,
        n_heads: 4,
        n_kv_heads: 2,
        ffn_dim: 48,
        context: 24,
        tie_embeddings: false,
        ..ModelConfig::default()
    }
}

fn settings(steps: usize) -> TrainConfig {
    TrainConfig {
        steps,
        batch_size: 10,
        learning_rate: 3e-3,
        warmup_steps: 2,
        eval_every: 4,
        eval_batches: 1,
        checkpoint_every: 0,
        device: "cpu".to_owned(),
        ..TrainConfig::default()
    }
}

/// Tokens in which each is mostly its predecessor plus one, so that there is something to learn.
fn tokens(count: usize, vocab_size: u32) -> Vec<u32> {
    let mut random = random::keyed(5, "test tokens");
    let mut id = 0;
    let mut next = || {
        let draw = random.next_u32();
        id = if draw.is_multiple_of(8) { draw / 8 % vocab_size } else { (id + 1) % vocab_size };
        id
    };
    (0..count).map(|_| next()).collect()
}

fn train(
    config: &ModelConfig,
    settings: &TrainConfig,
    store: &mut Memory,
    observer: &mut dyn FnMut(Progress<'_>) -> Control,
) -> Result<TrainSummary, ModelError> {
    let (train, validation) = (tokens(3_000, 61), tokens(500, 61));
    pretrain(config, settings, &train, &validation, &[3; 61], store, observer)
}

#[test]
fn a_fresh_model_knows_nothing_and_can_learn_one_batch_by_heart() {
    let config = small();
    let one_batch = tokens(10 * 24 + 1, 61);
    let settings = TrainConfig { eval_every: 0, weight_decay: 0.0, ..settings(150) };
    let summary = pretrain(
        &config,
        &TrainConfig { learning_rate: 1e-2, ..settings },
        &one_batch,
        &one_batch,
        &[1; 61],
        &mut Memory::default(),
        &mut |_| Control::Continue,
    )
    .unwrap();
    let first = summary.curve.steps[0].loss;
    assert!((first - 61_f32.ln()).abs() < 0.1, "initial loss {first}");
    let last = summary.curve.steps[149].loss;
    assert!(last < 0.1, "final loss {last}");
}

#[test]
fn training_beats_the_unigram_entropy() {
    let summary =
        train(&small(), &settings(40), &mut Memory::default(), &mut |_| Control::Continue).unwrap();
    let evaluation = summary.curve.validations.last().unwrap().evaluation;
    assert!(f64::from(evaluation.nats_per_token) < unigram_entropy(&tokens(500, 61), 61));
    let bits = evaluation.nats_per_token / std::f32::consts::LN_2 / 3.0;
    assert!((evaluation.bits_per_byte - bits).abs() < 1e-5);
}

#[test]
fn a_resumed_run_ends_bit_equal_to_an_unbroken_one() {
    let mut unbroken = Memory::default();
    let whole = train(&small(), &settings(12), &mut unbroken, &mut |_| Control::Continue).unwrap();
    let mut broken = Memory::default();
    for stop in [1, 7] {
        let part = train(&small(), &settings(12), &mut broken, &mut |progress| match progress {
            Progress::Step { point, .. } if point.step == stop => Control::Stop,
            _ => Control::Continue,
        });
        assert_eq!((part.as_ref().unwrap().step, part.unwrap().finished), (stop, false));
    }
    let rest = train(&small(), &settings(12), &mut broken, &mut |_| Control::Continue).unwrap();
    assert_eq!(rest.resumed_from, Some(7));
    assert_eq!(rest.curve, whole.curve);
    assert_eq!(broken.latest().unwrap(), unbroken.latest().unwrap());
    let again = train(&small(), &settings(12), &mut broken, &mut |_| Control::Continue).unwrap();
    assert_eq!(again.curve, whole.curve);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    // Wide enough for products that gemm would share among threads.
    let config = ModelConfig { dim: 128, ffn_dim: 160, context: 96, vocab_size: 61, ..small() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut store = Memory::default();
        pool.install(|| {
            train(&config, &settings(3), &mut store, &mut |_| Control::Continue).unwrap();
        });
        store.latest().unwrap()
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn a_checkpoint_of_another_run_or_a_damaged_one_is_refused() {
    let mut store = Memory::default();
    let stop = &mut |_: Progress<'_>| Control::Stop;
    train(&small(), &settings(12), &mut store, stop).unwrap();
    let other = TrainConfig { seed: 99, ..settings(12) };
    let error = train(&small(), &other, &mut store, stop).unwrap_err().to_string();
    assert!(error.contains("another `seed` (17, now 99)"), "{error}");
    let (_, mut files) = store.latest().unwrap().unwrap();
    *files[0].1.last_mut().unwrap() ^= 1;
    let error = load_model(&files, &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("model.safetensors") && error.contains("digest"), "{error}");
}

#[test]
fn too_few_tokens_are_an_error_with_numbers() {
    let short = tokens(100, 61);
    let result = pretrain(
        &small(),
        &settings(1),
        &short,
        &short,
        &[1; 61],
        &mut Memory::default(),
        &mut |_| Control::Continue,
    );
    let error = result.unwrap_err().to_string();
    assert!(error.contains("training split has 100 tokens, but 241 are needed"), "{error}");
    let (enough, short) = (tokens(1_000, 61), tokens(24, 61));
    let store = &mut Memory::default();
    let result = pretrain(&small(), &settings(1), &enough, &short, &[1; 61], store, &mut |_| {
        Control::Continue
    });
    let error = result.unwrap_err().to_string();
    assert!(error.contains("validation split has 24 tokens, but 25 are needed"), "{error}");
}

#[test]
fn generation_with_a_cache_equals_the_full_forward_pass() {
    let model = Llama::init(&small(), 8, &Device::Cpu).unwrap();
    for (name, variable) in model.parameters().iter().filter(|(_, variable)| variable.rank() == 2) {
        let factor = if name.contains("embed") { 40.0 } else { 8.0 };
        variable.set(&(variable.as_tensor() * factor).unwrap()).unwrap();
    }
    let prompt = [1, 2, 3];
    let greedy = GenerateConfig { max_tokens: 15, temperature: 0.0, ..GenerateConfig::default() };
    let generated = generate(&model, &prompt, &greedy, &mut |_| true).unwrap();
    let mut ids = prompt.to_vec();
    for _ in 0..15 {
        let logits = model.logits(&ids, 1).unwrap().to_vec2::<f32>().unwrap();
        let best = logits.last().unwrap().iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        ids.push(best.unwrap().0 as u32);
    }
    assert_eq!(generated, ids[3..]);
    assert!(generated.iter().any(|id| *id != generated[0]), "a constant proves little");
    let beyond_context = GenerateConfig { max_tokens: 60, temperature: 1.0, top_k: 0, ..greedy };
    let long = generate(&model, &prompt, &beyond_context, &mut |_| true).unwrap();
    assert_eq!(long.len(), 60);
    assert_eq!(
        generate(&model, &prompt, &beyond_context, &mut |id| id != long[4]).unwrap(),
        long[..=long.iter().position(|id| *id == long[4]).unwrap()]
    );
}
