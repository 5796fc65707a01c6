//! Laws of the model and its trainer, on models small enough to train in a test.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod shards;

use std::collections::BTreeMap;

use candle_core::Device;
use model::{
    Batch, BatchRow, BatchSource, CheckpointFiles, CheckpointStore, Control, Lanes, Llama,
    ModelConfig, ModelError, OptimizerKind, Progress, StoreError, StreamId, TokenSource,
    TrainConfig, TrainSummary, TrainingData, evaluate, load_model, pretrain, random_for,
    unigram_entropy,
};
use rand_chacha::rand_core::RngCore;
use serde_json::json;

use crate::shards::Shards;

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
    let mut random = random_for(5, "test tokens");
    let mut id = 0;
    let mut next = || {
        let draw = random.next_u32();
        id = if draw.is_multiple_of(8) { draw / 8 % vocab_size } else { (id + 1) % vocab_size };
        id
    };
    (0..count).map(|_| next()).collect()
}

/// Shards of these tokens as documents of 5 to 64 tokens, some of which are longer than a row.
fn documents(context: usize) -> Shards {
    let ids = tokens(3_000, 61);
    let (mut documents, mut start) = (Vec::new(), 0);
    while start < ids.len() {
        let end = ids.len().min(start + 5 + start * 7 % 60);
        documents.push(ids[start..end].to_vec());
        start = end;
    }
    Shards::write(&documents, 61, context)
}

fn train(
    shards: &Shards,
    config: &ModelConfig,
    settings: &TrainConfig,
    store: &mut Memory,
    observer: &mut dyn FnMut(Progress<'_>) -> Control,
) -> Result<TrainSummary, ModelError> {
    let (batches, validation) = (shards.batches(settings), tokens(500, 61));
    let data = TrainingData {
        batches: &batches,
        validation: &validation,
        token_bytes: &[3; 61],
        initial: None,
    };
    pretrain(config, settings, data, store, observer)
}

fn go_on(_: Progress<'_>) -> Control {
    Control::Continue
}

#[test]
fn a_fresh_model_knows_nothing_and_can_learn_one_batch_by_heart() {
    let config = small();
    // Ten rows: each epoch is one batch.
    let one_batch = Shards::write(&[tokens(10 * 24 + 1, 61)], 61, 24);
    let settings = TrainConfig { eval_every: 0, weight_decay: 0.0, ..settings(150) };
    let settings = TrainConfig { learning_rate: 1e-2, ..settings };
    let summary =
        train(&one_batch, &config, &settings, &mut Memory::default(), &mut go_on).unwrap();
    let first = summary.curve.steps[0].loss;
    assert!((first - 61_f32.ln()).abs() < 0.1, "initial loss {first}");
    let last = summary.curve.steps[149].loss;
    assert!(last < 0.1, "final loss {last}");
}

#[test]
fn training_beats_the_unigram_entropy() {
    let store = &mut Memory::default();
    let summary = train(&documents(24), &small(), &settings(40), store, &mut go_on).unwrap();
    let evaluation = summary.curve.validations.last().unwrap().evaluation;
    let entropy = unigram_entropy(&tokens(500, 61), 61).unwrap();
    assert!(f64::from(evaluation.nats_per_token) < entropy);
    let bits = evaluation.nats_per_token / std::f32::consts::LN_2 / 3.0;
    assert!((evaluation.bits_per_byte - bits).abs() < 1e-5);
}

#[test]
fn a_run_stopped_five_times_ends_bit_equal_to_an_unbroken_one() {
    let shards = documents(24);
    for optimizer in [OptimizerKind::Adamw, OptimizerKind::Muon] {
        let settings = TrainConfig { optimizer, ..settings(60) };
        let mut unbroken = Memory::default();
        let whole = train(&shards, &small(), &settings, &mut unbroken, &mut go_on).unwrap();
        let mut random = random_for(8, "stops");
        let mut stops: Vec<usize> = (0..5).map(|_| 1 + random.next_u32() as usize % 59).collect();
        stops.sort_unstable();
        stops.dedup();
        let mut broken = Memory::default();
        for &stop in &stops {
            let stop_there = &mut |progress: Progress<'_>| match progress {
                Progress::Step { point, .. } if point.step == stop => Control::Stop,
                _ => Control::Continue,
            };
            let part = train(&shards, &small(), &settings, &mut broken, stop_there).unwrap();
            assert_eq!((part.step, part.finished), (stop, false));
        }
        let rest = train(&shards, &small(), &settings, &mut broken, &mut go_on).unwrap();
        assert_eq!(rest.resumed_from, stops.last().copied());
        assert_eq!(rest.curve, whole.curve);
        assert_eq!(broken.latest().unwrap(), unbroken.latest().unwrap());
        let again = train(&shards, &small(), &settings, &mut broken, &mut go_on).unwrap();
        assert_eq!(again.curve, whole.curve);
    }
}

#[test]
fn accumulation_changes_rounding_only_and_recomputing_nothing() {
    let shards = documents(24);
    let run = |settings: &TrainConfig| {
        let mut store = Memory::default();
        let config = ModelConfig { qk_norm: true, ..small() };
        let summary = train(&shards, &config, settings, &mut store, &mut go_on).unwrap();
        let weights = store.latest().unwrap().unwrap().1.swap_remove(0).1;
        (summary.curve.steps.iter().map(|point| point.loss).collect::<Vec<_>>(), weights)
    };
    let at_once = TrainConfig { micro_batch_size: 10, ..settings(6) };
    let by_rows = TrainConfig { micro_batch_size: 1, ..settings(6) };
    let (whole, weights) = run(&at_once);
    let (rows, _) = run(&by_rows);
    for (whole, rows) in whole.iter().zip(&rows) {
        assert!((whole - rows).abs() < 1e-5, "{whole} {rows}");
    }
    assert_eq!(run(&TrainConfig { recompute: true, ..at_once }), (whole, weights));
}

/// Documents that begin at multiples of seven.
struct Documents(Vec<u32>);

impl TokenSource for Documents {
    fn n_tokens(&self) -> u64 {
        self.0.n_tokens()
    }

    fn read(&self, start: u64, out: &mut [u32]) -> usize {
        self.0.read(start, out)
    }

    fn boundaries(&self, start: u64, end: u64) -> Vec<u64> {
        (start + 1..end).filter(|position| position % 7 == 0).collect()
    }
}

#[test]
fn documents_of_a_source_are_masked_in_training_and_evaluation() {
    let model = Llama::init(&small(), 1, &Device::Cpu).unwrap();
    let source = Documents(tokens(24 * 20 + 1, 61));
    let lanes = Lanes::for_device(&Device::Cpu).unwrap();
    let masked = evaluate(&model, &source, &[1; 61], 0, true, &lanes).unwrap();
    // 480 predictions, of which those of the ids 7, 14 … 476 and 480's row end cross a boundary.
    assert_eq!(masked.tokens, 480 - 68);
    let whole = evaluate(&model, &source, &[1; 61], 0, false, &lanes).unwrap();
    assert_eq!(whole.tokens, 480);
    let shards = documents(24);
    let losses = |document_mask| {
        let settings = TrainConfig { document_mask, eval_every: 0, ..settings(3) };
        let summary = train(&shards, &small(), &settings, &mut Memory::default(), &mut go_on);
        summary.unwrap().curve.steps.last().unwrap().loss
    };
    assert!((losses(true) - losses(false)).abs() > 1e-4);
}

#[test]
fn a_spike_is_reported_with_its_rows_and_its_update_can_be_skipped() {
    /// Batches of one predictable row, except for one batch of noise.
    struct Noisy(usize);
    impl BatchSource for Noisy {
        fn batch(&self, step: usize) -> Result<Batch, ModelError> {
            let mut random = random_for(step as u64, "noise");
            let id = |i: u32| if step == self.0 { random.next_u32() % 61 } else { i % 3 };
            let ids = (0..25).map(id).collect();
            let row = BatchRow { ids, boundaries: Vec::new(), row: step as u64 };
            Ok(Batch { rows: vec![row], digest: step as u64 })
        }

        fn id(&self) -> StreamId {
            StreamId { tokens: 0, identity: "noisy".into() }
        }
    }
    let (noisy, validation) = (Noisy(50), tokens(100, 61));
    let run = |spike_skip: bool| {
        let settings = TrainConfig { spike_skip, batch_size: 1, eval_every: 0, ..settings(60) };
        let mut spikes = Vec::new();
        let data = TrainingData {
            batches: &noisy,
            validation: &validation,
            token_bytes: &[1; 61],
            initial: None,
        };
        let mut store = Memory::default();
        let summary = pretrain(&small(), &settings, data, &mut store, &mut |progress| {
            if let Progress::Spike(spike) = progress {
                spikes.push(spike.clone());
            }
            Control::Continue
        })
        .unwrap();
        // Digests are those of the source.
        assert_eq!(summary.curve.steps[40].batch_digest, format!("{:016x}", 40));
        let (_, files) = store.latest().unwrap().unwrap();
        let (_, state) = files.iter().find(|(name, _)| name == "state.json").unwrap();
        let state: serde_json::Value = serde_json::from_slice(state).unwrap();
        (spikes, state["skipped_steps"].clone())
    };
    let (spikes, skipped) = run(true);
    assert!(!spikes.is_empty());
    assert!(spikes.iter().all(|spike| spike.step == 51 && spike.rows == [50] && spike.skipped));
    assert_eq!(skipped, json!([51]));
    let (spikes, skipped) = run(false);
    assert!(spikes[0].step == 51 && !spikes[0].skipped && skipped == json!([]));
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    // Wide enough for products that gemm would distribute over threads.
    let config = ModelConfig { dim: 128, ffn_dim: 160, context: 96, vocab_size: 61, ..small() };
    let shards = documents(96);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut store = Memory::default();
        pool.install(|| {
            train(&shards, &config, &settings(3), &mut store, &mut go_on).unwrap();
        });
        store.latest().unwrap()
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn a_checkpoint_of_another_run_or_a_damaged_one_is_refused() {
    let (shards, mut store) = (documents(24), Memory::default());
    let stop = &mut |_: Progress<'_>| Control::Stop;
    train(&shards, &small(), &settings(12), &mut store, stop).unwrap();
    let other = TrainConfig { seed: 99, ..settings(12) };
    let error = train(&shards, &small(), &other, &mut store, stop).unwrap_err().to_string();
    assert!(error.contains("another `seed` (0, now 99)"), "{error}");
    let (_, mut files) = store.latest().unwrap().unwrap();
    *files[0].1.last_mut().unwrap() ^= 1;
    let error = load_model(&files, &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("model.safetensors") && error.contains("digest"), "{error}");
}

#[test]
fn a_validation_split_shorter_than_a_row_is_an_error_with_numbers() {
    let (shards, settings) = (documents(24), settings(1));
    let data = TrainingData {
        batches: &shards.batches(&settings),
        validation: &tokens(24, 61),
        token_bytes: &[1; 61],
        initial: None,
    };
    let result = pretrain(&small(), &settings, data, &mut Memory::default(), &mut go_on);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("validation split has 24 tokens, but 25 are needed"), "{error}");
}

#[test]
fn a_warm_up_longer_than_the_run_is_cut_to_the_run() {
    let settings = TrainConfig { warmup_steps: 50, ..settings(2) };
    let mut store = Memory::default();
    let summary = train(&documents(24), &small(), &settings, &mut store, &mut go_on).unwrap();
    let rates: Vec<f32> = summary.curve.steps.iter().map(|point| point.learning_rate).collect();
    assert_eq!(rates, [0.0015, 0.003]);
}
