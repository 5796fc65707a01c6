//! What is done with a trained model: generation, multiple choice, export and import.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use candle_core::Device;
use model::choice::{Question, choice_accuracy, score_choices};
use model::export::SpecialIds;
use model::export::gguf::{from_gguf, to_gguf};
use model::export::hf::{from_hf_files, to_hf_files};
use model::{
    Activation, CheckpointFiles, GenerateConfig, Lanes, Llama, ModelConfig, Precision, generate,
    generate_text,
};

fn small() -> ModelConfig {
    ModelConfig {
        vocab_size: 61,
        dim: 32,
        n_layers: 2,
        n_heads: 4,
        n_kv_heads: 2,
        ffn_dim: 48,
        context: 96,
        tie_embeddings: false,
        ..ModelConfig::default()
    }
}

/// A model whose choices are far from equal.
fn lively(config: &ModelConfig) -> Llama {
    let model = Llama::init(config, 8, &Device::Cpu).unwrap();
    for (name, variable) in model.parameters().iter().filter(|(_, variable)| variable.rank() == 2) {
        let factor = if name.contains("embed") { 40.0 } else { 8.0 };
        variable.set(&(variable.as_tensor() * factor).unwrap()).unwrap();
    }
    model
}

fn greedy(max_tokens: usize) -> GenerateConfig {
    GenerateConfig { max_tokens, temperature: 0.0, ..GenerateConfig::default() }
}

fn logits(model: &Llama, ids: &[u32]) -> Vec<Vec<f32>> {
    model.logits(ids, 1).unwrap().to_vec2().unwrap()
}

#[test]
fn generation_with_a_cache_equals_the_full_forward_pass() {
    for (qk_norm, logit_softcap) in [(false, 0.0), (true, 5.0)] {
        let model = lively(&ModelConfig { qk_norm, logit_softcap, ..small() });
        let prompt = [1, 2, 3];
        let generated = generate(&model, &prompt, &greedy(90), &mut |_| true).unwrap();
        let mut ids = prompt.to_vec();
        ids.extend(&generated);
        let all = logits(&model, &ids);
        for (position, id) in generated.iter().enumerate() {
            let row = &all[position + prompt.len() - 1];
            let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert!(best - row[*id as usize] < 1e-4, "position {position}");
        }
        assert!(generated.iter().any(|id| *id != generated[0]), "a constant proves little");
    }
}

#[test]
fn a_prompt_may_be_read_in_parts() {
    use model::generate::Cache;
    use model::ops::Kernels;

    // Heads whose width fits no vector, and more positions than a cache first has room for.
    let model = lively(&ModelConfig { head_dim: 10, qk_norm: true, ..small() });
    let ids: Vec<u32> = (0..90).map(|i| i * 11 % 61).collect();
    let expected = logits(&model, &ids);
    for kernels in [Kernels::Fused, Kernels::Composite] {
        let model = model.with_kernels(kernels).detached();
        let mut cache = Cache::default();
        for part in [&ids[..40], &ids[40..41], &ids[41..73], &ids[73..]] {
            let found = model.next_logits(part, &mut cache).unwrap();
            let expected = &expected[cache.seen() - 1];
            let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-3, "{kernels:?} after {}: {far}", cache.seen());
        }
    }
}

#[test]
fn generation_goes_on_beyond_the_context_and_stops_when_told() {
    let model = lively(&small());
    let settings = GenerateConfig { temperature: 1.0, top_k: 0, ..greedy(200) };
    let long = generate(&model, &[1, 2, 3], &settings, &mut |_| true).unwrap();
    assert_eq!(long.len(), 200);
    let stopped = generate(&model, &[1, 2, 3], &settings, &mut |id| id != long[4]).unwrap();
    assert_eq!(stopped, long[..=long.iter().position(|id| *id == long[4]).unwrap()]);
    let bad = GenerateConfig { top_p: 0.0, ..settings };
    let error = generate(&model, &[1], &bad, &mut |_| true).unwrap_err().to_string();
    assert!(error.contains("`top_p` is 0: it must be in (0, 1]"), "{error}");
}

#[test]
fn text_ends_before_a_stop_string() {
    let model = lively(&small());
    let bytes_of = |id: u32| vec![b'A' + (id % 26) as u8, b'a' + (id / 26) as u8];
    let run = |stops: &[String]| {
        let mut pieces = String::new();
        let text =
            generate_text(&model, &[1], &greedy(40), (&bytes_of, None), stops, &mut |piece| {
                pieces.push_str(piece);
                true
            });
        let text = text.unwrap();
        assert_eq!(text.text, pieces);
        text
    };
    let whole = run(&[]).text;
    assert_eq!(whole.len(), 80);
    let stop = whole[21..25].to_owned();
    let text = run(std::slice::from_ref(&stop));
    assert_eq!(text.text, whole[..whole.find(&stop).unwrap()]);
    assert_eq!(text.stopped_by, Some(stop));
}

#[test]
fn choices_are_scored_by_their_own_ids() {
    let model = lively(&small());
    let context = vec![5, 6, 7];
    let likely = generate(&model, &context, &greedy(2), &mut |_| true).unwrap();
    let other = vec![(likely[0] + 1) % 61, 3];
    let question = Question {
        context: context.clone(),
        choices: vec![(other, 4), (likely.clone(), 4)],
        answer: 1,
    };
    let scores = score_choices(&model, &question).unwrap();
    let row = logits(&model, &[5, 6, 7, likely[0]]);
    let log_p = |row: &[f32], id: u32| {
        let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
        f64::from(row[id as usize]) - sum.ln()
    };
    let expected = log_p(&row[2], likely[0]) + log_p(&row[3], likely[1]);
    assert!((scores[1].log_likelihood - expected).abs() < 1e-4);
    let long = Question { context: vec![1; 300], ..question.clone() };
    let lanes = Lanes::for_device(&Device::Cpu).unwrap();
    let accuracy = choice_accuracy(&model, &[question, long], &lanes).unwrap();
    assert_eq!(accuracy.questions, 2);
    assert!(accuracy.accuracy >= 0.5 && accuracy.accuracy_per_byte >= 0.5);
}

#[test]
fn models_come_back_from_their_exports() {
    for (qk_norm, head_dim, tie_embeddings) in [(false, 0, false), (true, 12, true)] {
        let config = ModelConfig { qk_norm, head_dim, tie_embeddings, ..small() };
        let model = lively(&config);
        let ids: Vec<u32> = (0..50).map(|i| i * 7 % 61).collect();
        let expected = logits(&model, &ids);
        let special = SpecialIds { bos: None, eos: Some(0) };
        let files = to_hf_files(&model, special, Precision::F32).unwrap();
        let owned = |files: Vec<(&str, Vec<u8>)>| -> CheckpointFiles {
            files.into_iter().map(|(name, content)| (name.to_owned(), content)).collect()
        };
        let back = from_hf_files(&owned(files), 0, &Device::Cpu).unwrap();
        assert_eq!((back.config(), &logits(&back, &ids)), (&config, &expected));
        let back = from_gguf(&to_gguf(&model, "small", Precision::F32, &[]).unwrap(), &Device::Cpu);
        let back = back.unwrap();
        assert_eq!((back.config(), &logits(&back, &ids)), (&config, &expected));
        let half = owned(to_hf_files(&model, special, Precision::Bf16).unwrap());
        let half = from_hf_files(&half, 0, &Device::Cpu).unwrap();
        let gguf = to_gguf(&model, "small", Precision::Bf16, &[]).unwrap();
        let gguf = from_gguf(&gguf, &Device::Cpu).unwrap();
        let logits_half = logits(&half, &ids);
        if !qk_norm {
            // GGUF keeps vectors in 32 bits; here they are ones, which 16 bits hold exactly.
            assert_eq!(logits_half, logits(&gguf, &ids));
        }
        let far = expected.iter().flatten().zip(logits_half.iter().flatten());
        assert!(far.into_iter().all(|(a, b)| (a - b).abs() < 0.1 * a.abs().max(1.0)));
    }
}

#[test]
fn what_no_public_format_can_hold_is_refused() {
    let files = |config: &ModelConfig| {
        let model = Llama::init(config, 1, &Device::Cpu).unwrap();
        to_hf_files(&model, SpecialIds::default(), Precision::F32).unwrap_err().to_string()
    };
    let error = files(&ModelConfig { activation: Activation::Relu2, ..small() });
    assert!(error.contains("`activation` is \"relu2\""), "{error}");
    let error = files(&ModelConfig { logit_softcap: 15.0, ..small() });
    assert!(error.contains("`logit_softcap` is 15"), "{error}");
    let biased = br#"{"model_type":"llama","attention_bias":true}"#.to_vec();
    let error = from_hf_files(&[("config.json".into(), biased)], 0, &Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("`attention_bias` is true"), "{error}");
}
