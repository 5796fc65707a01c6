//! Random small trainings, compared with Hugging Face's library: merges, vocabulary and ids.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::BpeTrainer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer as Oracle};

use super::encode;
use crate::json_split::split_to_json;
use crate::{Split, TrainConfig, WordCounts, train};

const TRAININGS: u64 = 1000;

/// The alphabets of texts: few letters, so that pairs are equally frequent and overlap; characters
/// of one to four bytes; characters that matter to splits.
const ALPHABETS: [&str; 8] = [
    "a",
    "ab",
    "ab ",
    "abc 1'\n",
    "aAbB'sS /\n\r",
    "aé日\u{1f600}",
    "é\u{301}नñ \u{a0}",
    "the cat sat on a mat 2024",
];

const SPECIALS: [&str; 5] = ["<|endoftext|>", "<s>", "</s>", "ab", "aa"];

/// SplitMix64 (Steele et al. 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn text(&mut self, alphabet: &[char], length: usize) -> String {
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    /// Texts of one alphabet, in which some parts are repeated.
    pub(super) fn texts(&mut self) -> Vec<String> {
        let alphabet: Vec<char> = ALPHABETS[self.below(ALPHABETS.len())].chars().collect();
        let parts: Vec<String> = (0..=self.below(6))
            .map(|_| {
                let length = 1 + self.below(8);
                self.text(&alphabet, length)
            })
            .collect();
        let texts = 1 + self.below(8);
        (0..texts)
            .map(|_| {
                let parts: String =
                    (0..self.below(8)).map(|_| parts[self.below(parts.len())].as_str()).collect();
                let length = self.below(12);
                parts + &self.text(&alphabet, length)
            })
            .collect()
    }

    fn config(&mut self) -> TrainConfig {
        let split = Split::ALL[self.below(Split::ALL.len())];
        let mut special_tokens: Vec<String> = Vec::new();
        for _ in 0..self.below(3) {
            let special = SPECIALS[self.below(SPECIALS.len())].to_owned();
            if !special_tokens.contains(&special) {
                special_tokens.push(special);
            }
        }
        let max_token_length = (self.below(3) == 0).then(|| 2 + self.below(6));
        TrainConfig {
            vocab_size: 256 + special_tokens.len() + self.below(60),
            split,
            min_frequency: self.below(4) as u64,
            max_token_length,
            special_tokens,
            ..TrainConfig::default()
        }
    }
}

/// The library's tokenizer of a split, before training.
fn untrained(split: Split) -> Oracle {
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": split_to_json(split),
        "post_processor": null,
        "decoder": null,
        "model": {"type": "BPE", "vocab": {}, "merges": []},
    });
    file.to_string().parse().unwrap()
}

fn trained(oracle: &Oracle, config: &TrainConfig, texts: &[String]) -> Oracle {
    let specials = config.special_tokens.iter().map(|name| AddedToken::from(name.clone(), true));
    let trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(config.vocab_size)
        .min_frequency(config.min_frequency)
        .max_token_length(config.max_token_length)
        .special_tokens(specials.collect())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut oracle = oracle.clone();
    oracle.train(&mut TrainerWrapper::BpeTrainer(trainer), texts.iter()).unwrap();
    oracle.set_encode_special_tokens(true);
    oracle
}

/// The vocabulary and the merges of a file.
fn learnt(json: &str) -> (BTreeMap<String, u32>, Value) {
    let mut file: Value = serde_json::from_str(json).unwrap();
    let model = &mut file["model"];
    (serde_json::from_value(model["vocab"].take()).unwrap(), model["merges"].take())
}

#[test]
fn random_trainings_equal_the_librarys() {
    let untrained = Split::ALL.map(|split| (split, untrained(split)));
    for seed in 0..TRAININGS {
        let mut random = Random(seed);
        let (config, texts) = (random.config(), random.texts());
        let mut counts = WordCounts::new();
        texts.iter().for_each(|text| counts.add_text(config.split, text));
        let tokenizer = train(&counts, &config, &mut |_, _| {}).unwrap();
        let (_, oracle) = untrained.iter().find(|(split, _)| *split == config.split).unwrap();
        let oracle = trained(oracle, &config, &texts);
        let expected = learnt(&oracle.to_string(false).unwrap());
        assert_eq!(learnt(&tokenizer.to_json()), expected, "{seed} {config:?} {texts:?}");
        let unseen = random.texts();
        for text in texts.iter().chain(&unseen) {
            let ids = encode(&tokenizer, text);
            let expected = oracle.encode_fast(text.as_str(), false).unwrap();
            assert_eq!(ids, expected.get_ids(), "{seed} {config:?} {text:?}");
        }
    }
}
