//! The pre-tokenizer of a `tokenizer.json`, converted from and to a [`Split`].
//!
//! In version 1.0, the last step is `ByteLevel`, which contains GPT-2's split by default. In
//! version 2.0, the model has the flag `byte_level` and all steps are splits. Several steps apply
//! one after the other.

use serde_json::{Value, json};

use crate::{Split, TokenizerError};

/// The pattern of a file without any split: every text is one piece.
const WHOLE_TEXT: &str = r"[\s\S]+";

fn refuse<T>(step: &Value, reason: &'static str) -> Result<T, TokenizerError> {
    Err(TokenizerError::unsupported("pre_tokenizer", &step.to_string(), reason))
}

/// The split of a file; `byte_level` is the flag of its model. Missing flags of a step have the
/// defaults of Hugging Face's library.
pub(crate) fn read_split(pre_tokenizer: &Value, byte_level: bool) -> Result<Split, TokenizerError> {
    let mut steps = Vec::new();
    flatten(pre_tokenizer, &mut steps);
    let mut patterns: Vec<String> = Vec::new();
    let mut ends = false;
    for step in steps {
        if ends {
            return refuse(step, "no step may follow ByteLevel");
        }
        match step["type"].as_str() {
            Some("ByteLevel") => {
                ends = true;
                if step["add_prefix_space"].as_bool().unwrap_or(true) {
                    let reason = "add_prefix_space must be false, because decoding could not \
                                  restore the text";
                    return refuse(step, reason);
                }
                if step["use_regex"].as_bool().unwrap_or(true) {
                    patterns.push(Split::Gpt2.pattern().to_owned());
                }
            }
            Some("Split") => patterns.push(read_pattern(step)?),
            Some("Digits") => {
                let each = step["individual_digits"].as_bool().unwrap_or(false);
                patterns.push(if each { r"\p{N}" } else { r"\p{N}+" }.to_owned());
            }
            _ => return refuse(step, "only ByteLevel, Split, Digits and Sequence are supported"),
        }
    }
    if !ends && !byte_level {
        return refuse(pre_tokenizer, "byte-level files end with a ByteLevel step");
    }
    if patterns.is_empty() {
        patterns.push(WHOLE_TEXT.to_owned());
    }
    Split::regex(&patterns.join("\n"))
}

/// The steps of nested sequences, in their order.
fn flatten<'v>(step: &'v Value, steps: &mut Vec<&'v Value>) {
    match &step["pretokenizers"] {
        Value::Array(inner) if step["type"] == "Sequence" => {
            inner.iter().for_each(|step| flatten(step, steps));
        }
        _ if step.is_null() => {}
        _ => steps.push(step),
    }
}

/// The regular expression of a `Split` step.
fn read_pattern(step: &Value) -> Result<String, TokenizerError> {
    let pattern = match (&step["pattern"]["Regex"], &step["pattern"]["String"]) {
        // A newline separates the patterns of a split, so it is escaped within one.
        (Value::String(regex), _) => regex.replace('\n', r"\n"),
        (_, Value::String(string)) => fancy_regex::escape(string).replace('\n', r"\n"),
        _ => return refuse(step, "the pattern must be a Regex or a String"),
    };
    // Such a step drops the text between matches. That is fine for the patterns of the named
    // splits, which match everything.
    let drops = step["behavior"] == "Removed" && step["invert"] == true;
    match step["behavior"].as_str() {
        None | Some("Isolated") => Ok(pattern),
        Some(_) if drops && Split::from_pattern(&pattern).is_some() => Ok(pattern),
        Some(_) => refuse(step, "the behavior must be Isolated"),
    }
}

/// The pre-tokenizer for `split` in version 1.0.
pub(crate) fn split_to_json(split: Split) -> Value {
    if split == Split::Gpt2 {
        return byte_level(true);
    }
    let mut steps: Vec<Value> = split.pattern().split('\n').map(step_to_json).collect();
    steps.push(byte_level(false));
    json!({"type": "Sequence", "pretokenizers": steps})
}

/// The pre-tokenizer for `split` in version 2.0.
pub(crate) fn split_to_json_v2(split: Split) -> Value {
    let mut steps: Vec<Value> = split.pattern().split('\n').map(step_to_json).collect();
    if steps.len() == 1 {
        return steps.swap_remove(0);
    }
    json!({"type": "Sequence", "pretokenizers": steps})
}

fn step_to_json(pattern: &str) -> Value {
    json!({
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": false,
    })
}

/// A `ByteLevel` step. The decoder is the same object.
pub(crate) fn byte_level(use_regex: bool) -> Value {
    json!({
        "type": "ByteLevel",
        "add_prefix_space": false,
        "trim_offsets": true,
        "use_regex": use_regex,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_a_split() {
        let plain = |use_regex| byte_level(use_regex);
        let sequence = |steps: &[Value]| json!({"type": "Sequence", "pretokenizers": steps});
        let digits = json!({"type": "Digits", "individual_digits": true});
        let split = read_split(&sequence(&[digits, plain(true)]), false).unwrap();
        assert!(split.pieces("a 12 b").eq(["a", " ", "1", "2", " b"]));
        let comma = json!({"type": "Split", "pattern": {"String": "."}, "behavior": "Isolated"});
        let split =
            read_split(&sequence(&[sequence(std::slice::from_ref(&comma)), plain(false)]), false);
        assert!(split.unwrap().pieces("a.b c").eq(["a", ".", "b c"]));
        assert!(read_split(&plain(false), false).unwrap().pieces("a\nb").eq(["a\nb"]));
        assert!(read_split(&Value::Null, true).unwrap().pieces("a\nb").eq(["a\nb"]));
        for split in Split::ALL {
            assert_eq!(read_split(&split_to_json(split), false).unwrap(), split);
            assert_eq!(read_split(&split_to_json_v2(split), true).unwrap(), split);
        }
        let refused =
            |steps: &[Value]| read_split(&sequence(steps), false).unwrap_err().to_string();
        assert!(refused(&[plain(false), comma.clone()]).contains("follow"));
        assert!(refused(&[comma]).contains("ByteLevel"));
        assert!(refused(&[json!({"type": "Whitespace"})]).contains("Whitespace"));
        assert!(refused(&[json!({"type": "ByteLevel"})]).contains("add_prefix_space"));
    }
}
