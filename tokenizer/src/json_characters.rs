//! The parts of a `tokenizer.json` that differ between BPE over characters and byte-level BPE: see
//! [`Characters`].

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use crate::alphabet::BYTE_COUNT;
use crate::characters::{Characters, SPACE, spell_byte};
use crate::merges::MergeTable;
use crate::vocabulary::Vocabulary;
use crate::{Split, TokenizerError};

/// A run of spaces and the characters after it, up to the next space.
const SPACES_AND_WORD: &str = " *[^ ]+| +";

/// The whole text as one piece.
const WHOLE_TEXT: &str = r"[\s\S]+";

/// The characters that merging starts from, by the vocabulary and the normaliser.
pub(crate) fn read_characters(
    vocab: &BTreeMap<String, u32>,
    byte_tokens: &[u32; BYTE_COUNT],
    normalizer: &Value,
) -> Result<Characters, TokenizerError> {
    let space_before = reads_space_before(normalizer)?;
    let mut tokens = FxHashMap::default();
    for (spelling, &id) in vocab {
        let mut characters = spelling.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            match character {
                // The normaliser has replaced all spaces, so this token is never used.
                ' ' => None,
                SPACE => tokens.insert(' ', id),
                _ => tokens.insert(character, id),
            };
        }
    }
    if !tokens.contains_key(&' ') {
        return Err(TokenizerError::malformed(format!("model.vocab: no token {SPACE:?}")));
    }
    Ok(Characters::new(tokens, byte_tokens, space_before))
}

/// Whether the normaliser adds a space before a text. It must replace spaces by `▁`.
fn reads_space_before(normalizer: &Value) -> Result<bool, TokenizerError> {
    let spelled = SPACE.to_string();
    let single = std::slice::from_ref(normalizer);
    let steps = match &normalizer["normalizers"] {
        Value::Array(steps) if normalizer["type"] == "Sequence" => steps.as_slice(),
        _ => single,
    };
    let prepends = |step: &Value| step["type"] == "Prepend" && step["prepend"] == *spelled;
    let replaces = |step: &Value| {
        step["type"] == "Replace" && step["pattern"]["String"] == " " && step["content"] == *spelled
    };
    match steps {
        [replace] if replaces(replace) => Ok(false),
        [prepend, replace] if prepends(prepend) && replaces(replace) => Ok(true),
        _ => {
            let reason = "with byte_fallback, only Prepend and Replace for spaces are supported";
            Err(TokenizerError::unsupported("normalizer", &normalizer.to_string(), reason))
        }
    }
}

/// The token of each byte, by its spelling `<0x00>` to `<0xFF>`.
pub(crate) fn read_byte_tokens(
    vocab: &BTreeMap<String, u32>,
) -> Result<[u32; BYTE_COUNT], TokenizerError> {
    let mut byte_tokens = [u32::MAX; BYTE_COUNT];
    for byte in 0..=u8::MAX {
        let id = vocab.get(&spell_byte(byte)).ok_or_else(|| {
            TokenizerError::malformed(format!("model.vocab: no token {:?}", spell_byte(byte)))
        })?;
        byte_tokens[usize::from(byte)] = *id;
    }
    Ok(byte_tokens)
}

/// The split of a file, although such files have none: if no token has a space after another
/// character, no merge crosses the boundary before a run of spaces, so splitting there changes
/// nothing and makes encoding faster.
pub(crate) fn split_for(
    pre_tokenizer: &Value,
    ignore_merges: bool,
    merges: &MergeTable,
    vocabulary: &Vocabulary,
) -> Result<Split, TokenizerError> {
    // The normaliser has replaced all spaces, so a split at spaces does nothing. Gemma's files have
    // it.
    let splits_at_spaces =
        pre_tokenizer["type"] == "Split" && pre_tokenizer["pattern"]["String"] == " ";
    if !pre_tokenizer.is_null() && !splits_at_spaces {
        let reason = "with byte_fallback, only null and a Split at spaces are supported";
        return Err(TokenizerError::unsupported(
            "pre_tokenizer",
            &pre_tokenizer.to_string(),
            reason,
        ));
    }
    if ignore_merges {
        return Split::regex(WHOLE_TEXT);
    }
    let mut tokens = merges
        .pairs()
        .iter()
        .filter_map(|&(left, right)| vocabulary.get(merges.get(left, right)?.token));
    let crosses = |token: &[u8]| token.windows(2).any(|two| two[0] != b' ' && two[1] == b' ');
    Split::regex(if tokens.any(crosses) { WHOLE_TEXT } else { SPACES_AND_WORD })
}

/// The normaliser for `characters`.
pub(crate) fn normalizer_to_json(characters: &Characters) -> Value {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let mut steps = vec![replace];
    if characters.space_before {
        steps.insert(0, json!({"type": "Prepend", "prepend": SPACE}));
    }
    json!({"type": "Sequence", "normalizers": steps})
}

/// The decoder for `characters`.
pub(crate) fn decoder_to_json(characters: &Characters) -> Value {
    let mut steps = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if characters.space_before {
        steps.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    json!({"type": "Sequence", "decoders": steps})
}
