//! Hugging Face's library as the oracle at run time, and the laws of encoding.

use proptest::prelude::*;
use serde_json::json;
use tokenizers::Tokenizer as Oracle;

use super::{data, encode};
use crate::bpe::{BytePairs, Merger};
use crate::windows::Windows;
use crate::{Encoder, Profile, Split, Tokenizer, TokenizerError, TrainConfig, WordCounts, train};

const CORPUS: &str = "The quick brown fox's jumping; it'll jump, they've jumped 12345 times!\n\n\
    int main(void) {\n\treturn 0;\n}\n\tDON'T XMLHttpRequest https://example.org/a//b?c=1\r\n\
    naïve café ÅNGSTRÖM ſ 日本語の文章です。吾輩は猫である。 नरेंद्र मोदी 👩‍👩‍👧‍👦   aaaaaaaaaaaaaaaaaaaa \u{1d7d8}½ ";

fn trained(split: Split, vocab_size: usize) -> Tokenizer {
    let mut counts = WordCounts::new();
    counts.add_text(split, CORPUS);
    let special_tokens = vec!["<|endoftext|>".into(), "<|pad|>".into()];
    let config = TrainConfig {
        vocab_size,
        split,
        min_frequency: 0,
        special_tokens,
        ..TrainConfig::default()
    };
    config.validate().unwrap();
    train(&counts, &config, &mut |_, _| {}).unwrap()
}

fn decode_lossy(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    String::from_utf8_lossy(&tokenizer.decode(ids)).into_owned()
}

/// The library's tokenizer of the same file, reading special tokens as text and as tokens.
struct Oracles {
    as_text: Oracle,
    as_tokens: Oracle,
}

impl Oracles {
    fn new(json: &str) -> Self {
        let as_tokens: Oracle = json.parse().unwrap();
        let mut as_text = as_tokens.clone();
        as_text.set_encode_special_tokens(true);
        Self { as_text, as_tokens }
    }

    fn assert_same_ids(&self, tokenizer: &Tokenizer, text: &str) {
        let expected = self.as_text.encode_fast(text, false).unwrap();
        assert_eq!(encode(tokenizer, text), expected.get_ids(), "{text:?}");
        let expected = self.as_tokens.encode_fast(text, false).unwrap();
        let mut ids = Vec::new();
        tokenizer.encode_with_specials(text, &mut ids);
        assert_eq!(ids, expected.get_ids(), "{text:?}");
        let decoded = self.as_tokens.decode(&ids, false).unwrap();
        assert_eq!(decode_lossy(tokenizer, &ids), decoded, "{text:?}");
    }
}

/// Strings that need care: special tokens, contractions, spaces of all kinds, decomposed letters.
const NASTY: [&str; 9] =
    ["<|endoftext|>", "<|pad|>", "'s", "\u{17f}", "\0", "\u{a0}", "\u{2028}", "\r", "e\u{301}"];

/// Texts made of words of the corpus, nasty characters and any strings, in any order.
fn texts() -> impl Strategy<Value = String> {
    let words: Vec<String> = CORPUS.split_inclusive([' ', '\n']).map(str::to_owned).collect();
    let part = prop_oneof![
        prop::sample::select(words),
        prop::sample::select(&NASTY[..]).prop_map(str::to_owned),
        "[a-cA-C' \n\t1/]{0,12}",
        any::<String>(),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

#[test]
fn exported_files_give_the_same_ids_in_the_library() {
    for split in Split::ALL {
        let tokenizer = trained(split, 420);
        let json = tokenizer.to_json();
        assert_eq!(Tokenizer::from_json(&json).unwrap().to_json(), json, "{split}");
        let oracles = Oracles::new(&json);
        assert_eq!(oracles.as_tokens.get_vocab_size(true), tokenizer.vocab_size());
        oracles.assert_same_ids(&tokenizer, CORPUS);
        proptest!(ProptestConfig::with_cases(200), |(text in texts())| {
            oracles.assert_same_ids(&tokenizer, &text);
        });
    }
}

/// Every format gives the trained tokenizer back, for every order of ids.
#[test]
fn formats_without_a_split_give_the_same_ids() {
    for profile in Profile::ALL {
        let mut counts = WordCounts::new();
        counts.add_text(Split::Qwen2, CORPUS);
        let config = TrainConfig {
            vocab_size: 420,
            split: Split::Qwen2,
            min_frequency: 0,
            profile,
            ..TrainConfig::default()
        };
        let tokenizer = train(&counts, &config, &mut |_, _| {}).unwrap();
        let specials: Vec<(&str, u32)> = tokenizer.special_tokens().collect();
        let ranks = tokenizer.to_tiktoken().unwrap();
        let of_ranks = Tokenizer::from_tiktoken(&ranks, Split::Qwen2, &specials).unwrap();
        let names: Vec<&str> = specials.iter().map(|&(name, _)| name).collect();
        let (vocab, merges) = (tokenizer.to_vocab_json(), tokenizer.to_merges_txt());
        let of_merges =
            Tokenizer::from_vocab_and_merges(&vocab, &merges, Split::Qwen2, &names).unwrap();
        let json = tokenizer.to_json();
        assert_eq!(of_ranks.to_json(), json, "{profile}");
        assert_eq!(of_merges.to_json(), json, "{profile}");
        let oracles = Oracles::new(&json);
        oracles.assert_same_ids(&tokenizer, CORPUS);
        assert!(of_merges.to_tiktoken().is_ok_and(|text| text == ranks));
    }
}

/// Unusual splits, several steps, and added tokens that take the spaces next to them.
#[test]
fn files_with_other_splits_and_tokens_give_the_same_ids_as_in_the_library() {
    let json = trained(Split::Gpt2, 420).to_json();
    let mut file: serde_json::Value = serde_json::from_str(&json).unwrap();
    let byte_level = file["pre_tokenizer"].clone();
    let split = |pattern| json!({"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false});
    let steps = [
        json!([{"type": "Digits", "individual_digits": true}, byte_level]),
        json!([split(json!({"Regex": r"\p{N}{1,2}|\s?\p{Lu}+(?!\p{Ll})"})), byte_level]),
        json!([split(json!({"String": "."})), split(json!({"Regex": "(?=a)|b*"})), byte_level]),
    ];
    for (token, field) in [(0, "lstrip"), (0, "rstrip"), (1, "single_word")] {
        file["added_tokens"][token][field] = true.into();
    }
    file["added_tokens"][1]["normalized"] = true.into();
    file["added_tokens"][1]["special"] = false.into();
    for steps in steps {
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": steps});
        let tokenizer = Tokenizer::from_json(&file.to_string()).unwrap();
        let oracles = Oracles::new(&file.to_string());
        oracles.assert_same_ids(&tokenizer, CORPUS);
        proptest!(ProptestConfig::with_cases(200), |(text in texts())| {
            oracles.assert_same_ids(&tokenizer, &text);
        });
        assert_eq!(
            Tokenizer::from_json(&tokenizer.to_json()).unwrap().to_json(),
            tokenizer.to_json()
        );
    }
}

#[test]
fn version_2_comes_back() {
    for split in Split::ALL {
        let tokenizer = trained(split, 420);
        let file: serde_json::Value = serde_json::from_str(&tokenizer.to_json_v2()).unwrap();
        assert_eq!((&file["version"], &file["model"]["byte_level"]), (&json!("2.0"), &json!(true)));
        assert_eq!(file["pre_tokenizer"]["type"], "Split");
        assert_eq!(Tokenizer::from_json(&file.to_string()).unwrap().to_json(), tokenizer.to_json());
    }
}

/// Merges over characters, with `▁` for spaces, and bytes for characters without a token.
#[test]
fn a_file_of_sentencepieces_gives_the_same_ids_as_in_the_library() {
    let Some(path) = data("data/tokenizer/llama.tokenizer.json") else { return };
    let json = std::fs::read_to_string(path).unwrap();
    let tokenizer = Tokenizer::from_json(&json).unwrap();
    let oracles = Oracles::new(&json);
    let long = "▁ of one two\n  日本 ".repeat(2000) + &"aé▁😀".repeat(3000);
    for text in [CORPUS, " a <s>b</s>  |||IP_ADDRESS|||", "", " ", "\u{1f600}\0▁▁", &long] {
        oracles.assert_same_ids(&tokenizer, text);
    }
    proptest!(ProptestConfig::with_cases(200), |(text in texts())| {
        oracles.assert_same_ids(&tokenizer, &text);
        let decoded = tokenizer.decode(&encode(&tokenizer, &text));
        prop_assert_eq!(decoded, text.replace('▁', " ").into_bytes());
    });
    let again = Tokenizer::from_json(&tokenizer.to_json()).unwrap();
    assert_eq!(again.to_json(), tokenizer.to_json());
    Oracles::new(&tokenizer.to_json()).assert_same_ids(&tokenizer, CORPUS);
    assert!(tokenizer.to_tiktoken().is_err() && tokenizer.to_gguf().is_err());
}

#[test]
fn a_published_file_gives_the_same_ids_as_in_the_library() {
    let Some(path) = data("data/tokenizer/gpt-neo.tokenizer.json") else { return };
    let json = std::fs::read_to_string(path).unwrap();
    let tokenizer = Tokenizer::from_json(&json).unwrap();
    let oracles = Oracles::new(&json);
    assert_eq!(tokenizer.end_of_text(), oracles.as_tokens.token_to_id("<|endoftext|>"));
    assert_eq!(tokenizer.special_id("|||IP_ADDRESS|||"), None, "it is not special");
    // The last two marks are of Unicode 13 and 5.1. The library knows only the class of the second.
    for text in
        [CORPUS, "a         b |||IP_ADDRESS||| <|padding|>      \n  e\u{301}", "\u{10eab}\u{a92b}"]
    {
        oracles.assert_same_ids(&tokenizer, text);
    }
    proptest!(ProptestConfig::with_cases(200), |(text in texts())| {
        oracles.assert_same_ids(&tokenizer, &text);
    });
    let again = Oracles::new(&tokenizer.to_json());
    again.assert_same_ids(&tokenizer, CORPUS);
}

#[test]
fn files_of_other_kinds_are_refused_by_name() {
    let json = trained(Split::Gpt4, 270).to_json();
    let changed = json.replace("Isolated", "MergedWithNext");
    let error = Tokenizer::from_json(&changed).unwrap_err();
    assert!(matches!(error, TokenizerError::Unsupported { field: "pre_tokenizer", .. }));
    let message = Tokenizer::from_json(&json.replace("\"Ġ\"", "\"Ġ?\"")).unwrap_err().to_string();
    assert!(message.contains("0x20"), "{message}");
    assert!(Tokenizer::from_json("{}").unwrap_err().to_string().contains("model"));
}

proptest! {
    #[test]
    fn decoding_gives_the_text_back(text in texts()) {
        for split in Split::ALL {
            let tokenizer = trained(split, 400);
            let ids = encode(&tokenizer, &text);
            prop_assert_eq!(tokenizer.decode(&ids), text.as_bytes());
            prop_assert!(ids.iter().all(|&id| (2..tokenizer.vocab_size() as u32).contains(&id)));
        }
    }
}

#[test]
fn warm_encoders_give_the_same_ids() {
    let tokenizer = trained(Split::Gpt4, 400);
    let texts: Vec<&str> = CORPUS.split_inclusive(' ').cycle().take(500).collect();
    let mut encoder = Encoder::new(&tokenizer);
    for text in texts {
        let mut ids = Vec::new();
        encoder.encode(text, &mut ids);
        assert_eq!(ids, encode(&tokenizer, text), "{text:?}");
    }
}

/// With quadratic time this would take hours.
#[test]
fn one_endless_word_ends() {
    let tokenizer = trained(Split::Gpt4, 420);
    for text in ["a".repeat(1_000_000), " ".repeat(1_000_000), "\n ".repeat(500_000)] {
        let ids = encode(&tokenizer, &text);
        assert_eq!(tokenizer.decode(&ids), text.as_bytes());
    }
}

proptest! {
    /// The windows are so small that they are joined everywhere.
    #[test]
    fn windows_give_the_ids_of_the_whole(
        text in "[ab]{0,200}|[a-e]{0,200}|(aab|ba){0,80}|a{0,200}|(quick|jumped|lazy){0,30}",
        window in 1_usize..20,
        overlap in 1_usize..5,
    ) {
        let mut counts = WordCounts::new();
        counts.add_text(Split::Gpt4, CORPUS);
        counts.add(b"aabbaabbabaaab", 9);
        counts.add(b"abcdeabdceabe", 9);
        let config = TrainConfig { vocab_size: 420, min_frequency: 0, ..TrainConfig::default() };
        let tokenizer = train(&counts, &config, &mut |_, _| {}).unwrap();
        let model = tokenizer.model();
        let byte_pairs = &BytePairs::new(model);
        let mut merger = Merger::default();
        let (mut whole, mut joined) = (vec![7], vec![7]);
        merger.merge(model, byte_pairs, text.as_bytes(), &mut whole);
        let windows = Windows { bytes: window, overlap };
        windows.merge(&mut merger, model, byte_pairs, text.as_bytes(), &mut joined);
        prop_assert_eq!(joined, whole);
    }
}

#[test]
fn unknown_ids_decode_to_nothing() {
    let tokenizer = trained(Split::Gpt4, 270);
    assert_eq!(tokenizer.decode(&[u32::MAX, 0, 270]), b"<|endoftext|>");
    assert_eq!(tokenizer.token_bytes(270), None);
    assert_eq!(tokenizer.end_of_text(), Some(0));
    assert_eq!(tokenizer.special_id("<|pad|>"), Some(1));
    let ids = encode(&tokenizer, "é");
    assert_eq!(decode_lossy(&tokenizer, &ids[..1]), "\u{fffd}");
}
