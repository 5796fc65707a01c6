//! Prevents texts from spelling special tokens.
//!
//! A Unigram model has `</s>` as a piece like any other, and a WordPiece model has `[SEP]`, so a
//! text that spells one would become it. Splitting such a spelling after its first character
//! prevents that.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A pre-tokenizer that applies `pre_tokenizer` and then splits the spellings in `names` after
/// their first character. `None` if there is nothing to split.
pub(crate) fn guarded<'a>(
    pre_tokenizer: &Value,
    names: impl Iterator<Item = &'a str>,
) -> Option<Value> {
    let mut rests: BTreeMap<char, Vec<String>> = BTreeMap::new();
    for name in names {
        let mut characters = name.chars();
        // A name of one character cannot be split.
        if let Some(first) = characters.next().filter(|_| !characters.as_str().is_empty()) {
            rests.entry(first).or_default().push(escape(characters.as_str()));
        }
    }
    if rests.is_empty() {
        return None;
    }
    let cut = |(first, rests): (char, Vec<String>)| {
        format!("{}(?={})", escape(first.encode_utf8(&mut [0; 4])), rests.join("|"))
    };
    let pattern = rests.into_iter().map(cut).collect::<Vec<_>>().join("|");
    let guard = json!({
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "MergedWithPrevious",
        "invert": false,
    });
    let steps: Vec<Value> =
        [pre_tokenizer.clone(), guard].into_iter().filter(|step| !step.is_null()).collect();
    Some(json!({"type": "Sequence", "pretokenizers": steps}))
}

/// A regular expression that matches exactly `text`.
fn escape(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        if r"\.+*?()|[]{}^$#&-~ ".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
