//! Keeping texts from spelling special tokens.
//!
//! A Unigram model holds `</s>` as a piece like any other, and a WordPiece model `[SEP]`: text that
//! spells one would become it. Cutting such a spelling after its first character keeps it text.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The pre-tokenizer that does what `pre_tokenizer` does and then cuts the spellings in `names` after
/// their first character.
pub(crate) fn guarded<'a>(
    pre_tokenizer: &Value,
    names: impl Iterator<Item = &'a str>,
) -> Option<Value> {
    let mut rests: BTreeMap<char, Vec<String>> = BTreeMap::new();
    for name in names {
        let mut characters = name.chars();
        // A name of one character cannot be cut.
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

/// The regular expression that matches `text` itself.
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
