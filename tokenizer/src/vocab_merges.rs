//! Reading and writing `vocab.json` and `merges.txt`, the pair of files that GPT-2 came with and
//! that older models of its family use: an object of ids by spelling, and a merge a line in the
//! order of ranks, after a line that names the version.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::json::{make_merges, read_byte_tokens, read_vocabulary, split_merge, vocab_to_json};
use crate::tokenizer::{AddedToken, Model, Tokenizer};
use crate::{Split, TokenizerError};

/// How the first line of `merges.txt` begins.
const VERSION_LINE: &str = "#version";

impl Tokenizer {
    /// Reads `vocab.json` and `merges.txt`. The files name neither the split nor which of the tokens
    /// are special, so the caller does.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where a file is not of its format, or a merge or a special
    /// token is not in the vocabulary.
    pub fn from_vocab_and_merges(
        vocab: &str,
        merges: &str,
        split: Split,
        special_tokens: &[&str],
    ) -> Result<Self, TokenizerError> {
        let malformed = |reason| TokenizerError::Malformed { file: "vocab.json", reason };
        let vocab: BTreeMap<String, u32> =
            serde_json::from_str(vocab).map_err(|error| malformed(error.to_string()))?;
        let special = |&name: &&str| match vocab.get(name) {
            Some(&id) => Ok(AddedToken::special(id, name.to_owned())),
            None => Err(malformed(format!("the special token {name:?} is not in the vocabulary"))),
        };
        let added = special_tokens.iter().map(special).collect::<Result<Vec<_>, _>>()?;
        let lines = merges.lines().enumerate().filter(|&(number, line)| {
            !line.trim().is_empty() && (number > 0 || !line.starts_with(VERSION_LINE))
        });
        let merges: Result<Vec<_>, _> =
            lines.map(|(_, line)| split_merge(line.trim_end())).collect();
        Self::with_added_tokens(Model {
            vocabulary: read_vocabulary(&vocab, &added)?,
            byte_tokens: read_byte_tokens(&vocab)?,
            merges: make_merges(&vocab, &merges?)?,
            split,
            nfc: false,
            characters: None,
            ignore_merges: false,
            added,
        })
    }

    /// Writes `vocab.json`, in the order of ids.
    pub fn to_vocab_json(&self) -> String {
        Value::Object(vocab_to_json(&self.spellings())).to_string()
    }

    /// Writes `merges.txt`.
    pub fn to_merges_txt(&self) -> String {
        let spellings = self.spellings();
        let mut text = format!("{VERSION_LINE}: 0.2\n");
        for &(left, right) in self.model.merges.pairs() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {}", spellings[left as usize], spellings[right as usize]);
        }
        text
    }
}
