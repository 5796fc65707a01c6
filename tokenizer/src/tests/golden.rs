//! Recorded results of Hugging Face `tokenizers` 0.23.3 and of `tiktoken` 0.14.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{data, encode};
use crate::alphabet;
use crate::learn::{Limits, LowestIds, Spellings, Words, learn_above};
use crate::{Encoder, Profile, Split, TiktokenEncoding, Tokenizer, TrainConfig, WordCounts, train};

fn read_json<T: DeserializeOwned>(path: &Path) -> T {
    let bytes = std::fs::read(path).unwrap();
    let bytes = if path.extension().is_some_and(|extension| extension == "zst") {
        zstd::decode_all(&bytes[..]).unwrap()
    } else {
        bytes
    };
    serde_json::from_slice(&bytes).unwrap()
}

/// The training items of a corpus: lines with their newlines, or documents of JSON lines.
fn items(corpus: &str) -> Option<Vec<String>> {
    let path = match corpus {
        "corpus.en" => data("data/tokenizer/bpe-fixtures/corpus.en")?,
        "c4_1000docs" => data("golden/tokenizer/c4.jsonl")?,
        "wagahai_ja" => data("golden/tokenizer/wagahai.txt")?,
        _ => data("golden/tokenizer/botchan.txt")?,
    };
    let text = std::fs::read_to_string(path).unwrap();
    if corpus != "c4_1000docs" {
        return Some(text.split_inclusive('\n').map(str::to_owned).collect());
    }
    let document = |line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["text"].as_str().unwrap().to_owned()
    };
    Some(text.lines().take(1000).map(document).collect())
}

#[derive(Deserialize)]
struct Trained {
    vocab: Vec<String>,
    merges: Vec<(String, String)>,
}

#[test]
fn trained_merges_equal_the_recorded_ones() {
    for corpus in ["corpus.en", "botchan", "c4_1000docs", "wagahai_ja"] {
        let Some(items) = items(corpus) else { return };
        for (split, name, vocab_size) in [
            (Split::Gpt2, "bytelevel_gpt2", 2000),
            (Split::Gpt4, "cl100k", 2000),
            (Split::O200k, "o200k", 1000),
        ] {
            let file = format!("golden/tokenizer/hf_{corpus}_{name}_{vocab_size}.json");
            let expected: Trained = read_json(&data(&file).unwrap());
            let mut counts = WordCounts::new();
            for item in &items {
                counts.add_text(split, item);
            }
            let config =
                TrainConfig { vocab_size, split, min_frequency: 0, ..TrainConfig::default() };
            config.validate().unwrap();
            let tokenizer = train(&counts, &config, &mut |_, _| {}).unwrap();
            assert_eq!(tokenizer.vocab_size(), expected.vocab.len(), "{file}");
            for (id, token) in expected.vocab.iter().enumerate().skip(1) {
                let bytes = alphabet::read(token).unwrap();
                assert_eq!(tokenizer.token_bytes(id as u32), Some(&bytes[..]), "{file} {id}");
            }
            let spelled = |id| alphabet::spell(tokenizer.token_bytes(id).unwrap());
            let pairs = tokenizer.model().merges.pairs().iter();
            let merges: Vec<_> = pairs.map(|&(a, b)| (spelled(a), spelled(b))).collect();
            assert_eq!(merges, expected.merges, "{file}");
        }
    }
}

/// rustbpe 0.1.0 keeps special tokens separately; its ids are those of bytes and merges.
#[test]
fn trainings_of_rustbpe_equal_the_recorded_ones() {
    for corpus in ["corpus.en", "botchan", "c4_1000docs", "wagahai_ja"] {
        let Some(items) = items(corpus) else { return };
        let file = format!("golden/tokenizer/rustbpe_{corpus}_cl100k_1500.json");
        let expected: Vec<(String, u32)> = read_json(&data(&file).unwrap());
        let mut counts = WordCounts::new();
        for item in &items {
            counts.add_text(Split::Gpt4, item);
        }
        let vocab_size = 1501;
        let profile = Profile::Rustbpe;
        let config =
            TrainConfig { vocab_size, min_frequency: 0, profile, ..TrainConfig::default() };
        let tokenizer = train(&counts, &config, &mut |_, _| {}).unwrap();
        assert_eq!(tokenizer.special_id("<|endoftext|>"), Some(1500), "{file}");
        assert_eq!(expected.len(), 1500);
        for (bytes, id) in expected {
            let digits = bytes.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            let bytes: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
            assert_eq!(tokenizer.token_bytes(id), Some(&bytes[..]), "{file} {id}");
        }
    }
}

/// The reference of the course, whose whole text is one item.
#[test]
fn the_training_of_cs336_equals_the_recorded_one() {
    let Some(path) = data("data/tokenizer/bpe-fixtures/corpus.en") else { return };
    let fixtures = path.parent().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let vocab: BTreeMap<String, u32> = read_json(&fixtures.join("train-bpe-reference-vocab.json"));
    let merges = std::fs::read_to_string(fixtures.join("train-bpe-reference-merges.txt")).unwrap();
    let merges: Vec<&str> = merges.lines().collect();
    let mut counts = WordCounts::new();
    counts.add_text(Split::Gpt2, &text);
    let config = TrainConfig {
        vocab_size: vocab.len(),
        split: Split::Gpt2,
        min_frequency: 0,
        profile: Profile::Cs336,
        ..TrainConfig::default()
    };
    let tokenizer = train(&counts, &config, &mut |_, _| {}).unwrap();
    let spelled = |id| alphabet::spell(tokenizer.token_bytes(id).unwrap());
    let pairs = tokenizer.model().merges.pairs().iter();
    let found: Vec<_> = pairs.map(|&(a, b)| format!("{} {}", spelled(a), spelled(b))).collect();
    assert_eq!(found, merges);
    for (token, id) in vocab {
        assert_eq!(spelled(id), token);
    }
}

#[derive(Deserialize)]
struct Fuzz {
    text: String,
    vocab_size: usize,
    min_frequency: u64,
    max_token_length: Option<usize>,
    special_tokens: Vec<String>,
    expect: Trained,
}

/// Trainings on single characters, split at white space, with ties, overlaps, length and count
/// limits, and special tokens spelled like letters and like merges.
#[test]
fn adversarial_trainings_equal_the_recorded_ones() {
    let Some(path) = data("golden/tokenizer/hf_fuzz_200.json") else { return };
    let cases: Vec<Fuzz> = read_json(&path);
    assert_eq!(cases.len(), 200);
    // The second threshold is too high for every case, so that the pairs are counted again.
    for (case, threshold) in cases.iter().flat_map(|case| [(case, 1), (case, 1000)]) {
        let mut spellings = Spellings::default();
        for special in &case.special_tokens {
            spellings.reserve(special);
        }
        let mut letters: Vec<char> = case.text.chars().filter(|c| !c.is_whitespace()).collect();
        letters.sort_unstable();
        letters.dedup();
        let ids: Vec<u32> = letters.iter().map(|&letter| spellings.letter(letter)).collect();
        let mut words = Words::<u16>::default();
        for word in case.text.split_whitespace() {
            let id = |letter| ids[letters.binary_search(&letter).unwrap()];
            words.push(word.chars().map(id), 1);
        }
        let limits = Limits {
            vocab_size: case.vocab_size,
            min_frequency: case.min_frequency,
            max_token_length: case.max_token_length.unwrap_or(usize::MAX),
        };
        let progress = &mut |_, _| {};
        let learnt = learn_above(threshold, LowestIds, words, &mut spellings, limits, progress);
        let spellings = spellings.by_id();
        let spelled = |id: u32| spellings[id as usize].clone();
        let merges: Vec<_> = learnt.iter().map(|&((a, b), _)| (spelled(a), spelled(b))).collect();
        assert_eq!(merges, case.expect.merges, "{} {threshold}", case.text);
        assert_eq!(spellings, case.expect.vocab, "{} {threshold}", case.text);
    }
}

#[derive(Deserialize)]
struct Encoded {
    pieces: Vec<String>,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct PieceCase {
    text: String,
    gpt2: Encoded,
    cl100k_base: Encoded,
    o200k_base: Encoded,
}

fn read_text(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(data(path)?).unwrap())
}

/// GPT-2's tokenizer, from its files of vocabulary and merges.
fn gpt2() -> Option<Tokenizer> {
    let vocab = read_text("data/tokenizer/bpe-fixtures/gpt2_vocab.json")?;
    let merges = read_text("data/tokenizer/bpe-fixtures/gpt2_merges.txt")?;
    let specials = ["<|endoftext|>"];
    let tokenizer =
        Tokenizer::from_vocab_and_merges(&vocab, &merges, Split::Gpt2, &specials).unwrap();
    let exported = tokenizer.to_merges_txt();
    assert!(exported.split_once('\n').is_some_and(|(_, lines)| merges.ends_with(lines)));
    let again: BTreeMap<String, u32> = serde_json::from_str(&tokenizer.to_vocab_json()).unwrap();
    assert_eq!(again, serde_json::from_str(&vocab).unwrap());
    Some(tokenizer)
}

/// An encoding that OpenAI published.
fn openai(name: &str) -> Option<Tokenizer> {
    let encoding: TiktokenEncoding = name.parse().unwrap();
    let text = read_text(&format!("data/tokenizer/{name}.tiktoken"))?;
    let tokenizer =
        Tokenizer::from_tiktoken(&text, encoding.split(), encoding.special_tokens()).unwrap();
    assert_eq!(tokenizer.to_tiktoken().unwrap(), text, "{name}");
    Some(tokenizer)
}

/// Texts in 60 languages and unusual texts, with the ids of eight encodings, of which five have
/// their files in the shared data.
#[test]
fn ids_of_many_languages_equal_the_recorded_ones() {
    #[derive(Deserialize)]
    struct Case {
        id: String,
        text: String,
        ids: BTreeMap<String, Vec<u32>>,
    }
    let Some(path) = data("data/tokenizer/goldens.jsonl.zst") else { return };
    let lines = zstd::decode_all(&std::fs::read(path).unwrap()[..]).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let cases: Vec<Case> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() > 100);
    let names = ["gpt2", "r50k_base", "p50k_base", "cl100k_base", "o200k_base"];
    let mut tokenizers = names.map(|name| (name, openai(name).unwrap())).to_vec();
    let json = read_text("data/tokenizer/gpt-neo.tokenizer.json").unwrap();
    tokenizers.push(("gpt_neox_dolma", Tokenizer::from_json(&json).unwrap()));
    for (name, tokenizer) in &tokenizers {
        let mut encoder = Encoder::new(tokenizer);
        for case in &cases {
            let mut ids = Vec::new();
            // In the recorded ids, Hugging Face's library encodes the names of special tokens as
            // these tokens, and `tiktoken`'s `encode_ordinary` encodes them as text.
            if *name == "gpt_neox_dolma" {
                encoder.encode_with_specials(&case.text, &mut ids);
            } else {
                encoder.encode(&case.text, &mut ids);
            }
            assert_eq!(ids, case.ids[*name], "{name} {}", case.id);
            if *name != "gpt_neox_dolma" {
                assert_eq!(tokenizer.decode(&ids), case.text.as_bytes(), "{name} {}", case.id);
            }
        }
    }
}

#[test]
fn pieces_and_ids_of_tricky_strings_equal_the_recorded_ones() {
    let Some(path) = data("golden/tokenizer/encode_pretok_cases.json") else { return };
    let tokenizers = [gpt2(), openai("cl100k_base"), openai("o200k_base")].map(Option::unwrap);
    let cases: Vec<PieceCase> = read_json(&path);
    for case in cases {
        let expected = [
            (Split::Gpt2, &case.gpt2),
            (Split::Cl100kBase, &case.cl100k_base),
            (Split::O200k, &case.o200k_base),
        ];
        for ((split, encoded), tokenizer) in expected.into_iter().zip(&tokenizers) {
            let pieces: Vec<&str> = split.pieces(&case.text).collect();
            assert_eq!(pieces, encoded.pieces, "{split}");
            assert_eq!(encode(tokenizer, &case.text), encoded.ids, "{split} {:?}", case.text);
        }
    }
}

#[test]
fn ids_of_whole_files_equal_the_recorded_ones() {
    let Some(gpt2) = gpt2() else { return };
    let tokenizers = [
        ("gpt2", gpt2),
        ("cl100k_base", openai("cl100k_base").unwrap()),
        ("o200k_base", openai("o200k_base").unwrap()),
    ];
    let fixtures = "data/tokenizer/bpe-fixtures";
    let golden = "golden/tokenizer";
    for (text, ids) in [
        (format!("{fixtures}/address.txt"), format!("{golden}/encode_address.txt.json")),
        (format!("{fixtures}/german.txt"), format!("{golden}/encode_german.txt.json")),
        (format!("{fixtures}/corpus.en"), format!("{golden}/encode_corpus.en.json")),
        (
            format!("{fixtures}/tinystories_sample.txt"),
            format!("{golden}/encode_tinystories_sample.txt.json"),
        ),
        (format!("{golden}/wagahai.txt"), format!("{golden}/encode_wagahai_ja.json.zst")),
    ] {
        let text = read_text(&text).unwrap();
        let expected: BTreeMap<String, Vec<u32>> = read_json(&data(&ids).unwrap());
        for (name, tokenizer) in &tokenizers {
            let mut found = Vec::new();
            let mut encoder = Encoder::new(tokenizer);
            encoder.encode(&text, &mut found);
            assert_eq!(found, expected[*name], "{ids} {name}");
            assert_eq!(tokenizer.decode(&found), text.as_bytes());
        }
    }
}
