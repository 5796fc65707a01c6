//! Uses of a trained model: generation, export and import.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use candle_core::Device;
use model::{
    Activation, CheckpointFiles, GenerateConfig, Llama, ModelConfig, Precision, SpecialIds,
    from_gguf, from_hf_files, generate, generate_text, to_gguf, to_hf_files,
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

/// A model with larger weights than a fresh one, so that its choices are clear.
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
fn generation_continues_beyond_the_context_and_stops_when_told() {
    let model = lively(&small());
    let settings = GenerateConfig { temperature: 1.0, top_k: 0, ..greedy(200) };
    let long = generate(&model, &[1, 2, 3], &settings, &mut |_| true).unwrap();
    assert_eq!(long.len(), 200);
    let stopped = generate(&model, &[1, 2, 3], &settings, &mut |id| id != long[4]).unwrap();
    assert_eq!(stopped, long[..=long.iter().position(|id| *id == long[4]).unwrap()]);
    let bad = GenerateConfig { top_p: 0.0, ..settings };
    let error = generate(&model, &[1], &bad, &mut |_| true).unwrap_err().to_string();
    assert!(error.contains("`top_p` is 0: it must be in (0, 1]"), "{error}");
    // The whole prompt counts, even the part that the context cannot hold.
    let mut long = vec![1; 200];
    long[0] = u32::MAX;
    let error = generate(&model, &long, &greedy(1), &mut |_| true).unwrap_err().to_string();
    assert!(error.contains("token id 4294967295 at position 0"), "{error}");
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
fn shapes_without_a_public_format_are_refused() {
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
    let texts = br#"{"model_type":"llama","mlp_bias":"yes"}"#.to_vec();
    let error = from_hf_files(&[("config.json".into(), texts)], 0, &Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("`mlp_bias` is \"yes\", not true or false"), "{error}");
}
