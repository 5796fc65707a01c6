//! Reading and writing `vocab.json` and `merges.txt`, the two files of GPT-2 and of older models of
//! its family: an object of ids by spelling, and one merge per line in the order of ranks, after a
//! line with the version.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json::{make_merges, read_byte_tokens, read_vocabulary, split_merge, vocab_to_json};
use crate::merges::Pair;
use crate::model::{AddedToken, Model};
use crate::tokenizer::Tokenizer;
use crate::{Split, TokenizerError};

/// The beginning of the first line of `merges.txt`.
const VERSION_LINE: &str = "#version";

impl Tokenizer {
    /// Reads `vocab.json` and `merges.txt`. The files name neither the split nor the special
    /// tokens, so the caller must.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] if a file does not have its format, or if a merge or a special
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
        Self::new(Model {
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
        let line = |&(left, right): &Pair| {
            format!("{} {}\n", spellings[left as usize], spellings[right as usize])
        };
        let lines = self.model().merges.pairs().iter().map(line);
        std::iter::once(format!("{VERSION_LINE}: 0.2\n")).chain(lines).collect()
    }
}
