//! Laws of the model and its trainer, on models small enough to train in a test.

use std::collections::BTreeMap;

use candle_core::Device;
use model::checkpoint::load_state;
use model::source::StreamId;
use model::{
    Batch, BatchRow, BatchSource, CheckpointFiles, CheckpointStore, Control, Lanes, Llama,
    ModelConfig, ModelError, OptimizerKind, Progress, StoreError, TokenSource, TrainConfig,
    TrainSummary, TrainingData, evaluate, load_model, pretrain, pretrain_on, random,
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
fn a_run_stopped_five_times_ends_bit_equal_to_an_unbroken_one() {
    for optimizer in [OptimizerKind::Adamw, OptimizerKind::Muon] {
        let settings = TrainConfig { optimizer, ..settings(60) };
        let mut unbroken = Memory::default();
        let go_on = &mut |_: Progress<'_>| Control::Continue;
        let whole = train(&small(), &settings, &mut unbroken, go_on).unwrap();
        let mut random = random::keyed(8, "stops");
        let mut stops: Vec<usize> = (0..5).map(|_| 1 + random.next_u32() as usize % 59).collect();
        stops.sort_unstable();
        stops.dedup();
        let mut broken = Memory::default();
        for &stop in &stops {
            let part = train(&small(), &settings, &mut broken, &mut |progress| match progress {
                Progress::Step { point, .. } if point.step == stop => Control::Stop,
                _ => Control::Continue,
            });
            let part = part.unwrap();
            assert_eq!((part.step, part.finished), (stop, false));
        }
        let rest = train(&small(), &settings, &mut broken, go_on).unwrap();
        assert_eq!(rest.resumed_from, stops.last().copied());
        assert_eq!(rest.curve, whole.curve);
        assert_eq!(broken.latest().unwrap(), unbroken.latest().unwrap());
        let again = train(&small(), &settings, &mut broken, go_on).unwrap();
        assert_eq!(again.curve, whole.curve);
    }
}

#[test]
fn accumulation_changes_rounding_only_and_recomputing_nothing() {
    let run = |settings: &TrainConfig| {
        let mut store = Memory::default();
        let config = ModelConfig { qk_norm: true, ..small() };
        let go_on = &mut |_: Progress<'_>| Control::Continue;
        let summary = train(&config, settings, &mut store, go_on).unwrap();
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

    fn read(&self, start: u64, out: &mut [u32]) {
        self.0.read(start, out);
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
    let settings = TrainConfig { weight_decay: 0.0, eval_every: 0, ..settings(3) };
    let losses = |document_mask| {
        let settings = TrainConfig { document_mask, ..settings.clone() };
        let store = &mut Memory::default();
        let go_on = &mut |_: Progress<'_>| Control::Continue;
        let summary = pretrain(&small(), &settings, &source, &source, &[1; 61], store, go_on);
        summary.unwrap().curve.steps.last().unwrap().loss
    };
    assert!((losses(true) - losses(false)).abs() > 1e-4);
}

#[test]
fn a_spike_is_told_with_its_rows_and_its_update_can_be_left_out() {
    /// Batches of one predictable row, but for one batch of noise.
    struct Noisy(usize);
    impl BatchSource for Noisy {
        fn batch(&self, step: usize) -> Result<Batch, ModelError> {
            let mut random = random::keyed(step as u64, "noise");
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
        pretrain_on(&small(), &settings, data, &mut store, &mut |progress| {
            if let Progress::Spike(spike) = progress {
                spikes.push(spike.clone());
            }
            Control::Continue
        })
        .unwrap();
        let (_, files) = store.latest().unwrap().unwrap();
        let state = load_state(&files).unwrap();
        // Digests are the source's own.
        assert_eq!(state.curve.steps[40].batch_digest, format!("{:016x}", 40));
        (spikes, state.skipped_steps)
    };
    let (spikes, skipped) = run(true);
    assert!(!spikes.is_empty());
    assert!(spikes.iter().all(|spike| spike.step == 51 && spike.rows == [50] && spike.skipped));
    assert_eq!(skipped, [51]);
    let (spikes, skipped) = run(false);
    assert!(spikes[0].step == 51 && !spikes[0].skipped && skipped.is_empty());
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
