//! Tokenizers of every kind, on vocabularies that are small enough to encode by hand.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokenizer::{Split, TrainConfig, WordCounts, train};

use crate::file::TokenizerFile;
use crate::{AnyTokenizer, EncoderError};

const NORMAL: u64 = 1;
const UNKNOWN: u64 = 2;
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;
const BYTE: u64 = 6;

fn encode(tokenizer: &AnyTokenizer, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    tokenizer.encoder().encode(text, &mut ids).unwrap();
    ids
}

fn pieces(tokenizer: &AnyTokenizer, text: &str) -> Vec<String> {
    let ids = encode(tokenizer, text);
    ids.into_iter().map(|id| tokenizer.piece(id).unwrap().into_owned()).collect()
}

/// A field of a message: its number, and a number or bytes.
fn field(number: u64, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut varint = |mut number: u64| {
        while number > 0x7f {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    };
    match value {
        Value::Number(value) => {
            varint(number << 3);
            varint(value.as_u64().unwrap());
        }
        Value::String(text) => {
            varint(number << 3 | 2);
            varint(text.len() as u64);
            out.extend(text.bytes());
        }
        _ => unreachable!(),
    }
    out
}

fn message(number: u64, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = field(number, &json!(""));
    out.pop();
    // The length of the messages of these tests fits into one byte or two.
    if content.len() > 0x7f {
        out.push(content.len() as u8 | 0x80);
        out.push((content.len() >> 7) as u8);
    } else {
        out.push(content.len() as u8);
    }
    out.extend(content);
    out
}

/// A `.model` with these pieces.
fn sentencepiece(
    model_type: u64,
    pieces: &[(&str, f32, u64)],
    byte_fallback: bool,
    removes_spaces: bool,
) -> Vec<u8> {
    let piece = |&(text, score, kind): &(&str, f32, u64)| {
        let score = [vec![2 << 3 | 5], score.to_le_bytes().to_vec()].concat();
        message(1, &[field(1, &json!(text)), score, field(3, &json!(kind))])
    };
    let mut out: Vec<u8> = pieces.iter().flat_map(piece).collect();
    let fallback = u64::from(byte_fallback);
    out.extend(message(2, &[field(3, &json!(model_type)), field(35, &json!(fallback))]));
    out.extend(message(3, &[field(4, &json!(u64::from(removes_spaces)))]));
    out
}

fn unigram() -> Vec<u8> {
    let pieces = [
        ("<unk>", 0.0, UNKNOWN),
        ("<s>", 0.0, CONTROL),
        ("</s>", 0.0, CONTROL),
        ("▁", -3.0, NORMAL),
        ("▁low", -4.0, NORMAL),
        ("er", -4.5, NORMAL),
        ("▁lower", -8.6, NORMAL),
        ("s", -6.0, NORMAL),
        ("<", -7.0, NORMAL),
        ("/", -7.0, NORMAL),
        (">", -7.0, NORMAL),
    ];
    sentencepiece(1, &pieces, false, true)
}

#[test]
fn unigram_models_of_sentencepiece_are_encoded_by_score() {
    let tokenizer = AnyTokenizer::from_sentencepiece(&unigram()).unwrap();
    assert_eq!((tokenizer.kind(), tokenizer.vocab_size()), ("Unigram", 11));
    assert_eq!(tokenizer.end_of_text(), Some(2));
    assert_eq!(tokenizer.special_tokens(), [("<unk>", 0), ("<s>", 1), ("</s>", 2)]);
    // −4 − 4.5 is above −8.6.
    assert_eq!(pieces(&tokenizer, "  low   lower "), ["▁low", "▁low", "er"]);
    assert!(encode(&tokenizer, "  ").is_empty());
    assert_eq!(pieces(&tokenizer, "日本s"), ["▁", "<unk>", "s"]);
    // A control token spelled in a text is text.
    assert_eq!(pieces(&tokenizer, "</s>"), ["▁", "<", "/", "s", ">"]);
    assert_eq!(tokenizer.decode(&encode(&tokenizer, "low lower")).unwrap(), b"low lower");
    assert_eq!(tokenizer.token_bytes(4).unwrap().as_ref(), b" low");
    assert_eq!(tokenizer.token_bytes(11), None);
    let again = AnyTokenizer::from_json(&tokenizer.to_json()).unwrap();
    assert_eq!(again.to_json(), tokenizer.to_json());
    assert_eq!(encode(&again, "lowers </s>"), encode(&tokenizer, "lowers </s>"));
}

/// Of sequences with equal scores, the one whose last piece begins first wins. Scores that would be
/// too large for single precision start again from zero.
#[test]
fn ties_and_long_texts_are_encoded_as_by_sentencepiece() {
    let mut known = vec![("<unk>", 0.0, UNKNOWN), ("▁", -1.0, NORMAL)];
    known.extend([("a", -2.0, NORMAL), ("aa", -2.5, NORMAL), ("bc", -5.25, NORMAL)]);
    known.extend([("b", -4.001, NORMAL), ("c", -1.25, NORMAL)]);
    let tokenizer =
        AnyTokenizer::from_sentencepiece(&sentencepiece(1, &known, false, true)).unwrap();
    assert_eq!(pieces(&tokenizer, "aaa"), ["▁", "a", "aa"]);
    // Near a million, single precision does not distinguish −5.251 from −5.25.
    let ids = encode(&tokenizer, &"bc".repeat(200_000));
    assert_eq!(ids[1..], [4].repeat(200_000));
    let json = tokenizer.to_json();
    assert_eq!(encode(&AnyTokenizer::from_json(&json).unwrap(), "aaa bc"), [1, 2, 3, 1, 4]);
    known.push(("aa", -9.0, NORMAL));
    let error = AnyTokenizer::from_sentencepiece(&sentencepiece(1, &known, false, true));
    assert!(error.unwrap_err().to_string().contains("twice"));
}

#[test]
fn bpe_models_of_sentencepiece_merge_by_score() {
    let mut known =
        vec![("<unk>", 0.0, UNKNOWN), ("</s>", 0.0, CONTROL), ("<|x|>", 0.0, USER_DEFINED)];
    known.extend([("▁a", 0.0, NORMAL), ("ab", -1.0, NORMAL), ("▁ab", -2.0, NORMAL)]);
    known.extend(["▁", "a", "b"].map(|letter| (letter, -9.0, NORMAL)));
    let library =
        AnyTokenizer::from_sentencepiece(&sentencepiece(2, &known, false, false)).unwrap();
    assert!(library.as_own().is_none());
    assert_eq!(pieces(&library, "abab ab<|x|>c"), ["▁ab", "ab", "▁ab", "<|x|>", "<unk>"]);

    let bytes: Vec<String> = (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")).collect();
    known.remove(2);
    known.extend(bytes.iter().map(|byte| (byte.as_str(), 0.0, BYTE)));
    let own = AnyTokenizer::from_sentencepiece(&sentencepiece(2, &known, true, false)).unwrap();
    assert!(own.as_own().is_some(), "byte fallback is lossless");
    let text = "  ab cé\n</s><0x41>";
    assert_eq!(own.decode(&encode(&own, text)).unwrap(), text.as_bytes());
    assert!(!encode(&own, text).contains(&1));
}

#[test]
fn byte_fallback_keeps_unigram_models_lossless() {
    let bytes: Vec<String> = (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")).collect();
    let mut known = vec![("<unk>", 0.0, UNKNOWN), ("▁", -1.0, NORMAL), ("a", -2.0, NORMAL)];
    known.extend(bytes.iter().map(|byte| (byte.as_str(), 0.0, BYTE)));
    let tokenizer =
        AnyTokenizer::from_sentencepiece(&sentencepiece(1, &known, true, false)).unwrap();
    let text = " a é<0x0A>日";
    let ids = encode(&tokenizer, text);
    assert_eq!(tokenizer.decode(&ids).unwrap(), text.as_bytes());
    assert_eq!(tokenizer.token_bytes(3 + 0xc3).unwrap().as_ref(), [0xc3]);
}

#[test]
fn broken_models_are_refused() {
    let refused = |bytes: &[u8]| AnyTokenizer::from_sentencepiece(bytes).unwrap_err().to_string();
    assert!(refused(b"").contains("no pieces"));
    assert!(refused(&sentencepiece(1, &[("a", 0.0, NORMAL)], false, true)).contains("unknown"));
    assert!(refused(&sentencepiece(3, &[("<unk>", 0.0, UNKNOWN)], false, true)).contains("WORD"));
    assert!(refused(&sentencepiece(1, &[("", 0.0, NORMAL)], false, true)).contains("empty"));
    assert!(refused(&sentencepiece(1, &[("a", f32::NAN, NORMAL)], false, true)).contains("score"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(at in 0_usize..200, byte: u8, length in 0_usize..300) {
        let mut model = unigram();
        let place = at % model.len();
        model[place] = byte;
        model.truncate(length);
        if let Ok(tokenizer) = AnyTokenizer::from_sentencepiece(&model) {
            let _ = tokenizer.encoder().encode("low lower </s>", &mut Vec::new());
        }
    }
}

const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nlow\n##er\n##s\n.\n[\n]\nsep\n日\n";

#[test]
fn a_vocabulary_of_wordpiece_is_enough() {
    let tokenizer = AnyTokenizer::from_word_piece(VOCAB, None).unwrap();
    assert_eq!((tokenizer.kind(), tokenizer.vocab_size()), ("WordPiece", 13));
    assert_eq!(
        pieces(&tokenizer, "Lowers. lów日x"),
        ["low", "##er", "##s", ".", "low", "日", "[UNK]"]
    );
    assert_eq!(pieces(&tokenizer, "[SEP]"), ["[", "sep", "]"]);
    assert_eq!(tokenizer.end_of_text(), Some(3));
    assert_eq!(tokenizer.decode(&[5, 6, 8, 5]).unwrap(), b"lower. low");
    assert_eq!(tokenizer.token_bytes(6).unwrap().as_ref(), b"er");
    let cased = AnyTokenizer::from_word_piece(VOCAB, Some(r#"{"do_lower_case": false}"#)).unwrap();
    assert_eq!(pieces(&cased, "Low low"), ["[UNK]", "low"]);
    let capitals = AnyTokenizer::from_word_piece(&format!("{VOCAB}Low\n"), None).unwrap();
    assert_eq!(pieces(&capitals, "Low low"), ["Low", "low"]);
    let error = AnyTokenizer::from_word_piece("low\n", None).unwrap_err().to_string();
    assert!(error.contains("[UNK]"), "{error}");
    assert!(tokenizer.files(Path::new("x/vocab.txt")).is_err());
    assert!(tokenizer.files(Path::new("x/a.tiktoken")).is_err());
    let (name, bytes) = tokenizer.files(Path::new("x/tokenizer.json")).unwrap().remove(0);
    let again = AnyTokenizer::from_json(std::str::from_utf8(&bytes).unwrap()).unwrap();
    assert_eq!((name.as_str(), encode(&again, "lowers.")), ("tokenizer.json", vec![5, 6, 7, 8]));
}

#[test]
fn byte_level_bpe_is_encoded_by_our_own_crate_if_it_can() {
    let mut counts = WordCounts::new();
    counts.add_text(Split::Gpt2, "low lower lowest low low");
    let config = TrainConfig { vocab_size: 262, split: Split::Gpt2, ..TrainConfig::default() };
    let own: AnyTokenizer = train(&counts, &config, &mut |_, _| {}).unwrap().into();
    assert_eq!(own.kind(), "BPE");
    let text = "low <|endoftext|> é";
    assert_eq!(own.decode(&encode(&own, text)).unwrap(), text.as_bytes());
    assert_eq!(own.special_tokens(), [("<|endoftext|>", own.end_of_text().unwrap())]);
    let json = own.to_json();
    let again = AnyTokenizer::from_json(&json).unwrap();
    assert!(again.as_own().is_some());
    // Our decoder cannot remove a space before each text, so such a file needs the library.
    let prefixed = json.replace("\"add_prefix_space\": false", "\"add_prefix_space\": true");
    let library = AnyTokenizer::from_json(&prefixed).unwrap();
    assert!(library.as_own().is_none());
    assert_eq!(encode(&library, "low"), encode(&own, " low"));
    assert_eq!(library.end_of_text(), own.end_of_text());
    assert!(!encode(&library, text).contains(&own.end_of_text().unwrap()));
    for id in 0..own.vocab_size() as u32 {
        assert_eq!(library.token_bytes(id), own.token_bytes(id));
    }
    let random = json.replace("\"dropout\": null", "\"dropout\": 0.1");
    assert!(AnyTokenizer::from_json(&random).unwrap_err().to_string().contains("dropout"));
    let names = own.files(Path::new("vocab.json")).unwrap();
    assert_eq!(
        names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["vocab.json", "merges.txt"]
    );
}

#[test]
fn texts_that_cannot_be_encoded_are_errors_and_the_encoder_continues() {
    let file = |model: Value| {
        let json = json!({"version": "1.0", "added_tokens": [], "normalizer": null,
            "pre_tokenizer": null, "post_processor": null, "decoder": null, "model": model});
        AnyTokenizer::from_json(&json.to_string())
    };
    let unigram = json!({"type": "Unigram", "unk_id": null, "vocab": [["a", -1.0]]});
    let words = json!({"type": "WordLevel", "unk_token": "?", "vocab": {"a": 0}});
    let pieces = json!({"type": "WordPiece", "unk_token": "?", "vocab": {"a": 0},
        "continuing_subword_prefix": "-", "max_input_chars_per_word": 9});
    for model in [unigram, words, pieces] {
        let tokenizer = file(model).unwrap();
        let (mut encoder, mut ids) = (tokenizer.encoder(), Vec::new());
        let error = encoder.encode("b", &mut ids).unwrap_err();
        assert!(error.is_of_text() && matches!(error, EncoderError::Text { .. }), "{error}");
        encoder.encode("a", &mut ids).unwrap();
        assert_eq!(ids, [0]);
    }
    let words = json!({"type": "WordLevel", "unk_token": "?", "vocab": {"a": 0, "?": 1}});
    assert_eq!(encode(&file(words).unwrap(), "b"), [1]);
    assert!(matches!(file(json!({"type": "Other"})).unwrap_err(), EncoderError::Malformed { .. }));
}

#[test]
fn files_are_told_apart_by_their_names() {
    for (name, form) in [
        ("tokenizer.json", TokenizerFile::Json),
        ("my.v2.json", TokenizerFile::JsonV2),
        ("gpt2.tiktoken", TokenizerFile::Tiktoken),
        ("vocab.json", TokenizerFile::VocabMerges),
        ("llama.gguf", TokenizerFile::Gguf),
        ("bert-vocab.txt", TokenizerFile::WordPiece),
        ("Spiece.MODEL", TokenizerFile::SentencePiece),
    ] {
        assert_eq!(TokenizerFile::of(&Path::new("directory").join(name)), form);
    }
    let error = AnyTokenizer::load(Path::new("no/such.model")).unwrap_err();
    assert!(matches!(error, EncoderError::Read { .. }), "{error}");
}

#[test]
fn encoders_stay_with_threads() {
    fn is_thread_bound<T: Send + 'static>(_: &T) {}
    let tokenizer = AnyTokenizer::from_word_piece(VOCAB, None).unwrap();
    is_thread_bound(&tokenizer.encoder());
    let shared = Arc::new(tokenizer);
    let ids = std::thread::spawn(move || encode(&shared, "lows")).join().unwrap();
    assert_eq!(ids, [5, 7]);
}
