//! Laws of the models: files, predictions, training and quantization. That predictions are those of
//! the C++ tool is measured by `benches/fasttext_parity.py`, and checked here on a real model.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::metrics::roc_auc;

const LOSSES: [Loss; 4] =
    [Loss::Softmax, Loss::NegativeSampling, Loss::OneVsAll, Loss::HierarchicalSoftmax];

/// Sentences about the sea and about bread, by a fixed rule: each has words of its own kind and
/// words of both.
fn texts() -> Vec<(&'static str, String)> {
    let sea = ["wave", "harbour", "gull", "tide", "anchor", "salt"];
    let bread = ["oven", "flour", "crust", "dough", "salt", "yeast"];
    let shared = ["the", "a", "near", "with", "über", "früh"];
    (0..120)
        .map(|index: usize| {
            let (label, own) =
                if index.is_multiple_of(2) { ("sea", sea) } else { ("bread", bread) };
            let word = |step: usize| own[(index / 2 * 7 + step * 5) % own.len()];
            let filler = |step: usize| shared[(index * 3 + step) % shared.len()];
            (label, format!("{} {} {} {}", filler(0), word(0), filler(1), word(1)))
        })
        .collect()
}

fn examples<'a>(texts: &'a [(&'static str, String)]) -> Vec<Example<'a>> {
    texts.iter().map(|(label, text)| Example { labels: vec![label], text }).collect()
}

fn options(loss: Loss) -> TrainOptions {
    TrainOptions {
        dim: 7,
        epochs: 30,
        learning_rate: 0.5,
        word_ngrams: 2,
        min_subword: 2,
        max_subword: 4,
        bucket: 500,
        loss,
        ..TrainOptions::default()
    }
}

fn train(loss: Loss) -> Model {
    let texts = texts();
    Model::train(&examples(&texts), &options(loss), |_| {}).unwrap()
}

/// A dense and a quantized model of each loss, with and without everything that is optional.
static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| {
    let mut models = Vec::new();
    for (index, loss) in LOSSES.into_iter().enumerate() {
        let model = train(loss);
        let quantized = QuantizeOptions {
            part_columns: 2 + index % 2,
            cutoff: (index < 3).then_some(200),
            separate_norms: index.is_multiple_of(2),
            quantize_output: index >= 2,
            seed: 3,
        };
        models.push(model.quantize(&quantized, None, |_| {}).unwrap());
        models.push(model);
    }
    models
});

#[test]
fn every_loss_learns() {
    for model in MODELS.iter() {
        let sea = model.label_index("__label__sea").unwrap();
        let score = |text: &str| {
            let all = model.predict(text, usize::MAX, 0.0);
            all.iter().find(|prediction| prediction.label == sea).unwrap().probability
        };
        let scores = texts()
            .iter()
            .map(|(label, text)| (f64::from(score(text)), *label == "sea"))
            .collect::<Vec<_>>();
        let auc = roc_auc(scores).unwrap();
        assert!(auc > 0.99, "{:?} {auc}", model.loss());
        assert!(score("gulls in the harbours") > score("doughs in the ovens"), "unseen forms");
    }
}

#[test]
fn files_come_back_whole() {
    for model in MODELS.iter() {
        let bytes = model.to_bytes();
        let back = Model::from_bytes(&bytes).unwrap();
        assert_eq!(&back, model);
        assert_eq!(back.to_bytes(), bytes);
    }
}

#[test]
fn training_is_deterministic_and_seeded() {
    let bytes = |seed| {
        let texts = texts();
        let options = TrainOptions { seed, ..options(Loss::NegativeSampling) };
        Model::train(&examples(&texts), &options, |_| {}).unwrap().to_bytes()
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn progress_rises_to_one() {
    let texts = texts();
    let mut seen = Vec::new();
    Model::train(&examples(&texts), &options(Loss::Softmax), |progress| seen.push(progress))
        .unwrap();
    assert_eq!(seen.len(), 100);
    assert!(seen.is_sorted_by(|left, right| left.done < right.done));
    assert!(seen[99].done >= 1.0);
    assert!(seen[99].loss < seen[0].loss);
}

#[test]
fn few_rows_are_quantized_without_loss() {
    let texts = texts();
    let options = TrainOptions { max_subword: 0, word_ngrams: 1, ..options(Loss::Softmax) };
    let model = Model::train(&examples(&texts), &options, |_| {}).unwrap();
    let small = QuantizeOptions { quantize_output: true, ..QuantizeOptions::default() };
    let small = model.quantize(&small, None, |_| {}).unwrap();
    for (_, text) in &texts {
        assert_eq!(small.predict(text, 2, 0.0), model.predict(text, 2, 0.0));
    }
}

#[test]
fn a_pruned_model_is_trained_further() {
    let texts = texts();
    let model = train(Loss::Softmax);
    let options = QuantizeOptions { cutoff: Some(20), ..QuantizeOptions::default() };
    let examples = examples(&texts);
    let retrain = Retrain { examples: &examples, learning_rate: 0.5, epochs: 5 };
    let small = model.quantize(&options, Some(&retrain), |_| {}).unwrap();
    assert!(small.to_bytes().len() < model.to_bytes().len());
    assert_eq!(small.input.rows(), 20);
    let right = texts.iter().filter(|(label, text)| {
        let best = small.predict(text, 1, 0.0)[0].label;
        small.label(best).ends_with(label)
    });
    assert!(right.count() > 110);
    assert_eq!(small.quantize(&options, None, |_| {}), Err(QuantizeError::AlreadyQuantized));
}

#[test]
fn tokens_are_those_of_fasttext() {
    let model = train(Loss::Softmax);
    let predict = |text: &str| model.predict(text, 2, 0.0);
    let expected = predict("the wave");
    for same in [
        "the\nwave",
        " the\t\twave\r\n",
        "the\0wave\x0B",
        "the wave </s> dough",
        "the __label__bread wave",
        "the __label__other wave",
    ] {
        assert_eq!(predict(same), expected, "{same:?}");
    }
    assert_ne!(predict("the\u{a0}wave"), expected, "only ASCII white space ends a token");
    assert!(!predict("").is_empty(), "the end of the text is a feature");
}

#[test]
fn the_length_of_a_text_does_not_matter() {
    for model in MODELS.iter() {
        let all = |text: &str| model.predict(text, 2, 0.0);
        let (once, often) =
            (all("the wave near a harbour "), all(&"the wave near a harbour ".repeat(500)));
        assert_eq!(once[0].label, often[0].label);
        assert!((once[0].probability - often[0].probability).abs() < 0.1);
    }
}

#[test]
fn threshold_and_k_bound_the_predictions() {
    for model in MODELS.iter() {
        let all = model.predict("the wave", usize::MAX, 0.0);
        assert_eq!(all.len(), 2);
        assert!(all[0].probability >= all[1].probability);
        assert_eq!(model.predict("the wave", 1, 0.0), all[..1]);
        let threshold = f32::midpoint(all[0].probability, all[1].probability);
        assert_eq!(model.predict("the wave", 2, threshold), all[..1]);
        assert!(model.predict("the wave", 0, 0.0).is_empty());
        assert!(model.predict("the wave", 2, 2.0).is_empty());
    }
}

#[test]
fn a_refusal_says_what_and_where() {
    let train = |examples: &[Example<'_>], options: &TrainOptions| {
        Model::train(examples, options, |_| {}).unwrap_err()
    };
    let options = options(Loss::Softmax);
    assert_eq!(train(&[], &options), TrainError::NoLabels);
    let empty = Example { labels: vec!["x"], text: "" };
    assert_eq!(train(&[empty], &options), TrainError::NoWords);
    let spaced = Example { labels: vec!["a b"], text: "x" };
    assert_eq!(train(&[spaced], &options), TrainError::Label { label: "a b".to_owned() });
    let example = Example::from_line(" __label__a __label__b some text\n");
    assert_eq!(example, Example { labels: vec!["__label__a", "__label__b"], text: "some text\n" });
    let limit = TrainOptions { memory_limit_bytes: 1_000, ..options.clone() };
    let needed = ((3 + 500 + 2) * 7 * 4) as u64;
    let example = [example];
    assert_eq!(train(&example, &limit), TrainError::Memory { needed, limit: 1_000 });
    let steep = TrainOptions { learning_rate: 1e38, ..options };
    assert_eq!(train(&example, &steep), TrainError::Diverged);

    assert_eq!(Model::from_bytes(b"PK\x03\x04____"), Err(ModelError::Magic { found: 0x0403_4B50 }));
    let mut bytes = train_bytes();
    let length = bytes.len() - 1;
    assert!(matches!(
        Model::from_bytes(&bytes[..length]),
        Err(ModelError::Truncated { what: "the values of a matrix", length: end, .. })
            if end == length
    ));
    bytes[4] = 13;
    assert_eq!(Model::from_bytes(&bytes), Err(ModelError::Version { version: 13 }));
    bytes[4] = 12;
    bytes[36] = 2;
    let error = Model::from_bytes(&bytes);
    assert_eq!(error, Err(ModelError::NotSupervised { kind: 2, offset: 36 }));
}

fn train_bytes() -> Vec<u8> {
    train(Loss::Softmax).to_bytes()
}

/// The counts of a file decide the shape of the tree; those that rise make a chain.
#[test]
fn odd_counts_make_a_tree_all_the_same() {
    for counts in
        [vec![5], vec![0, 0, 0], vec![1, 10, 100, 1_000], vec![dictionary::MAX_COUNT - 1; 9]]
    {
        let tree = Tree::new(&counts);
        let depths: Vec<usize> = (0..counts.len()).map(|label| tree.path(label).count()).collect();
        // Kraft's equality: the tree is full and reaches every label.
        let sum: f64 = depths.iter().map(|&depth| 0.5f64.powi(depth as i32)).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{counts:?} {depths:?}");
    }
}

/// Checked against fastText 0.9.2, version `fasttext-numpy2-wheel` 0.9.2.
#[test]
fn a_real_model_says_what_the_tool_says() {
    #[expect(clippy::disallowed_methods, reason = "a test that needs data outside of the project")]
    let Ok(data) = std::env::var("GRISTMILL_DATA") else {
        eprintln!("skipped: GRISTMILL_DATA is not set");
        return;
    };
    let bytes = std::fs::read(format!("{data}/data/language/lid.176.ftz")).unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    assert_eq!(model.to_bytes(), bytes);
    let mut scratch = Scratch::default();
    for (text, label, probability) in LID_EXPECTED {
        let best = model.predict_with(&mut scratch, text, 1, 0.0)[0];
        assert_eq!(model.label(best.label), label);
        assert!((best.probability - probability).abs() < 1e-6, "{text} {}", best.probability);
    }
}

const LID_EXPECTED: [(&str, &str, f32); 9] = [
    ("The ferry leaves the island at seven in the morning.", "__label__en", 0.932_066),
    ("Die Fähre verlässt die Insel um sieben Uhr morgens.", "__label__de", 0.991_740),
    ("Паром отходит от острова в семь утра.", "__label__ru", 0.922_753),
    ("船は朝七時に島を出ます。", "__label__ja", 0.999_953),
    ("Feribot adadan sabah saat yedide kalkar.", "__label__tr", 0.519_965),
    ("La barca", "__label__en", 0.124_504),
    ("ok", "__label__en", 0.629_765),
    (" ", "__label__en", 0.124_504),
    ("O ferry sai da ilha às sete da manhã, e o café já está aberto.", "__label__pt", 0.968_198),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Broken files are refused or read as other models, which predict without a panic.
    #[test]
    fn broken_files_never_panic(
        which in 0..8usize,
        cut in prop::option::of(0.0..1.0f64),
        changes in prop::collection::vec((0.0..1.0f64, any::<u8>(), 0..3u32), 0..6),
        text in ".{0,40}",
    ) {
        let mut bytes = MODELS[which].to_bytes();
        for (place, byte, scale) in changes {
            // Half of the changes hit the head and the dictionary, which are a small part.
            let end = if scale == 0 { bytes.len() } else { bytes.len().min(100 * scale.pow(4) as usize) };
            let place = (place * end as f64) as usize;
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        if let Ok(model) = Model::from_bytes(&bytes) {
            model.predict(&text, 3, 0.0);
            model.predict("the wave", usize::MAX, 0.0);
            prop_assert!(Model::from_bytes(&model.to_bytes()).is_ok());
        }
    }

    /// The heap gives the k best, whatever the order.
    #[test]
    fn the_best_are_the_best(scores in prop::collection::vec(0u8..20, 0..40), k in 1..10usize) {
        let mut best = Best::default();
        best.reset(k);
        for (index, &score) in scores.iter().enumerate() {
            best.push((f32::from(score), index as u32));
        }
        let found: Vec<f32> = best.sort().iter().map(|entry| entry.0).collect();
        let mut expected: Vec<f32> = scores.iter().map(|&score| f32::from(score)).collect();
        expected.sort_by(|left, right| right.total_cmp(left));
        expected.truncate(k);
        prop_assert_eq!(found, expected);
    }
}
