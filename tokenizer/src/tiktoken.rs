//! Reading and writing `.tiktoken` files: one token per line, its bytes in base64 and its rank,
//! which is its id.
//!
//! Such a file has no list of merges. Two neighbours merge if their bytes together are a token, the
//! lowest rank first. In a vocabulary made by byte-pair encoding, only one pair ever merges to each
//! token: the one that remains after merging the token's bytes by lower ranks. If every token has
//! such a pair, these pairs are the rules. Otherwise, as in vocabularies edited by hand, every way
//! of cutting a token in two is a rule.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustc_hash::FxHashMap;

use crate::alphabet::BYTE_COUNT;
use crate::merges::{MAX_RULES, Merge, MergeTable, Pair};
use crate::model::{AddedToken, Model};
use crate::tokenizer::Tokenizer;
use crate::vocabulary::{MAX_VOCAB_SIZE, Vocabulary};
use crate::{Split, TokenizerError};

/// The longest token that is read, in bytes: eight times the longest of OpenAI's encodings. Finding
/// the pair of a token takes time quadratic in its length.
const MAX_TOKEN_BYTES: usize = 1024;

/// An encoding that OpenAI published: the split and the special tokens for a `.tiktoken` file.
/// Names and ids are those of `tiktoken` 0.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TiktokenEncoding {
    /// GPT-2.
    Gpt2,
    /// GPT-3; the same ranks as GPT-2.
    R50kBase,
    /// Codex: GPT-3's with tokens for runs of spaces.
    P50kBase,
    /// [`TiktokenEncoding::P50kBase`] with special tokens for filling in the middle.
    P50kEdit,
    /// GPT-4.
    Cl100kBase,
    /// GPT-4o.
    O200kBase,
}

impl TiktokenEncoding {
    /// How this encoding splits text.
    pub fn split(self) -> Split {
        match self {
            Self::Gpt2 | Self::R50kBase | Self::P50kBase | Self::P50kEdit => Split::Gpt2,
            Self::Cl100kBase => Split::Cl100kBase,
            Self::O200kBase => Split::O200k,
        }
    }

    /// The special tokens of this encoding and their ids.
    pub fn special_tokens(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Gpt2 | Self::R50kBase | Self::P50kBase => &[("<|endoftext|>", 50_256)],
            Self::P50kEdit => &[
                ("<|endoftext|>", 50_256),
                ("<|fim_prefix|>", 50_281),
                ("<|fim_middle|>", 50_282),
                ("<|fim_suffix|>", 50_283),
            ],
            Self::Cl100kBase => &[
                ("<|endoftext|>", 100_257),
                ("<|fim_prefix|>", 100_258),
                ("<|fim_middle|>", 100_259),
                ("<|fim_suffix|>", 100_260),
                ("<|endofprompt|>", 100_276),
            ],
            Self::O200kBase => &[("<|endoftext|>", 199_999), ("<|endofprompt|>", 200_018)],
        }
    }
}

impl FromStr for TiktokenEncoding {
    type Err = TokenizerError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "gpt2" => Ok(Self::Gpt2),
            "r50k_base" => Ok(Self::R50kBase),
            "p50k_base" => Ok(Self::P50kBase),
            "p50k_edit" => Ok(Self::P50kEdit),
            "cl100k_base" => Ok(Self::Cl100kBase),
            "o200k_base" => Ok(Self::O200kBase),
            _ => Err(TokenizerError::UnknownEncoding { name: name.into() }),
        }
    }
}

impl Tokenizer {
    /// Reads a `.tiktoken` file. The file names neither the split nor the special tokens, so the
    /// caller must; a [`TiktokenEncoding`] has both for a published file.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] if the text is not such a file, a byte has no token, or two
    /// tokens have the same id.
    pub fn from_tiktoken(
        text: &str,
        split: Split,
        special_tokens: &[(&str, u32)],
    ) -> Result<Self, TokenizerError> {
        let ranks = Ranks::read(text)?;
        let special = |&(name, id): &(&str, u32)| AddedToken::special(id, name.to_owned());
        let added: Vec<AddedToken> = special_tokens.iter().map(special).collect();
        let vocabulary = ranks.vocabulary(&added)?;
        let byte_tokens = ranks.byte_tokens()?;
        let (merges, ignore_merges) = match ranks.trained_rules() {
            Some(rules) => (MergeTable::new(rules), false),
            None => (MergeTable::with_ranks(ranks.all_rules()?), true),
        };
        Self::new(Model {
            vocabulary,
            byte_tokens,
            merges,
            split,
            nfc: false,
            characters: None,
            ignore_merges,
            added,
        })
    }

    /// Writes a `.tiktoken` file: all tokens except the added ones.
    ///
    /// # Errors
    /// [`TokenizerError::CannotExpress`] if the merges do not follow from the tokens and the order
    /// of their ids, or if text is normalised before it is encoded.
    pub fn to_tiktoken(&self) -> Result<String, TokenizerError> {
        let refuse = |reason| Err(TokenizerError::CannotExpress { file: ".tiktoken", reason });
        let model = self.model();
        if model.nfc {
            return refuse("the format has no normaliser, and this tokenizer normalises text");
        }
        if model.characters.is_some() {
            return refuse("the format is byte-level, and this tokenizer merges characters");
        }
        let mut ranks = Ranks::default();
        for (id, token) in model.ordinary_tokens() {
            ranks.insert(token.to_vec(), id)?;
        }
        ranks.byte_tokens()?;
        let same = if let Some(rules) = ranks.trained_rules() {
            rules.iter().map(|&(pair, _)| pair).eq(model.merges.pairs().iter().copied())
        } else {
            let rules = ranks.all_rules()?;
            let known = |&((left, right), merge): &(Pair, Merge)| {
                model.merges.get(left, right) == Some(merge)
            };
            model.ignore_merges
                && rules.len() == model.merges.pairs().len()
                && rules.iter().all(known)
        };
        if !same {
            return refuse("its merges do not follow from the tokens and the order of their ids");
        }
        Ok(ranks.tokens.iter().map(|(token, id)| line(token, *id)).collect())
    }
}

/// A token and its rank as a line of a file.
fn line(token: &[u8], rank: u32) -> String {
    format!("{} {rank}\n", STANDARD.encode(token))
}

/// The tokens of a file in the order of their ranks.
#[derive(Debug, Default)]
struct Ranks {
    tokens: Vec<(Vec<u8>, u32)>,
    rank_of: FxHashMap<Vec<u8>, u32>,
}

fn malformed(reason: String) -> TokenizerError {
    TokenizerError::Malformed { file: ".tiktoken", reason }
}

impl Ranks {
    fn read(text: &str) -> Result<Self, TokenizerError> {
        let mut ranks = Self::default();
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            let expected = || {
                malformed(format!(
                    "line {number}: expected a token in base64, a space and its rank"
                ))
            };
            let (token, rank) = line.trim().split_once(' ').ok_or_else(expected)?;
            let token = STANDARD.decode(token).map_err(|_| expected())?;
            let rank: u32 = rank.trim().parse().map_err(|_| expected())?;
            if rank as usize >= MAX_VOCAB_SIZE || token.len() > MAX_TOKEN_BYTES {
                return Err(malformed(format!(
                    "line {number}: ranks must be below {MAX_VOCAB_SIZE} and tokens have at most \
                     {MAX_TOKEN_BYTES} bytes"
                )));
            }
            if !token.is_empty() {
                ranks.insert(token, rank)?;
            }
        }
        ranks.tokens.sort_unstable_by_key(|&(_, rank)| rank);
        Ok(ranks)
    }

    fn insert(&mut self, token: Vec<u8>, rank: u32) -> Result<(), TokenizerError> {
        if self.rank_of.insert(token.clone(), rank).is_some() {
            let token = String::from_utf8_lossy(&token).into_owned();
            return Err(malformed(format!("the token {token:?} occurs twice")));
        }
        self.tokens.push((token, rank));
        Ok(())
    }

    fn vocabulary(&self, added: &[AddedToken]) -> Result<Vocabulary, TokenizerError> {
        let tokens = self.tokens.iter().map(|(token, rank)| (&token[..], *rank));
        let added = added.iter().map(|token| (token.content.as_bytes(), token.id));
        let mut all: Vec<(&[u8], u32)> = tokens.chain(added).collect();
        all.sort_by_key(|&(_, id)| id);
        let mut vocabulary = Vocabulary::default();
        for (token, id) in all {
            if id as usize >= MAX_VOCAB_SIZE || (id as usize) < vocabulary.len() {
                let reason = format!("the id {id} is given twice or is not below {MAX_VOCAB_SIZE}");
                return Err(malformed(reason));
            }
            while vocabulary.len() < id as usize {
                vocabulary.push(&[]);
            }
            vocabulary.push(token);
        }
        Ok(vocabulary)
    }

    fn byte_tokens(&self) -> Result<[u32; BYTE_COUNT], TokenizerError> {
        let mut byte_tokens = [0; BYTE_COUNT];
        for byte in 0..=u8::MAX {
            let rank = self.rank_of.get(&[byte][..]);
            byte_tokens[usize::from(byte)] =
                *rank.ok_or_else(|| malformed(format!("no token for the byte {byte:#x}")))?;
        }
        Ok(byte_tokens)
    }

    /// For each token of two bytes or more, the rule that merging its bytes by lower ranks leads
    /// to; in the order of ranks. `None` if a token has no such rule.
    fn trained_rules(&self) -> Option<Vec<(Pair, u32)>> {
        let tokens = self.tokens.iter().filter(|(token, _)| token.len() > 1);
        // Where the token is cut; at first between all bytes.
        let mut cuts: Vec<usize> = Vec::new();
        let mut rules = Vec::with_capacity(self.tokens.len());
        for (token, rank) in tokens {
            let limit = *rank;
            cuts.clear();
            cuts.extend(0..=token.len());
            let rank = |from: usize, to: usize| self.rank_of.get(&token[from..to]).copied();
            while cuts.len() > 3 {
                let merged = cuts.windows(3).zip(1..).filter_map(|(part, middle)| {
                    let rank = rank(part[0], part[2]).filter(|&rank| rank < limit)?;
                    Some((rank, middle))
                });
                let (_, middle) = merged.min()?;
                cuts.remove(middle);
            }
            let pair = (rank(cuts[0], cuts[1])?, rank(cuts[1], cuts[2])?);
            rules.push((pair, limit));
        }
        Some(rules)
    }

    /// One rule for each way of cutting a token into two tokens.
    fn all_rules(&self) -> Result<Vec<(Pair, Merge)>, TokenizerError> {
        let mut rules = Vec::new();
        for ((token, id), rank) in self.tokens.iter().zip(0..) {
            let id_of = |part: &[u8]| self.rank_of.get(part).copied();
            let cuts = (1..token.len()).filter_map(|at| {
                let (left, right) = token.split_at(at);
                Some(((id_of(left)?, id_of(right)?), Merge { rank, token: *id }))
            });
            rules.extend(cuts);
            if rules.len() > MAX_RULES {
                return Err(malformed(format!(
                    "more than {MAX_RULES} ways of cutting a token in two"
                )));
            }
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of the format, implemented literally: a piece that is a token is that token;
    /// otherwise merge the neighbours of the lowest rank, the leftmost first.
    fn naive(ranks: &Ranks, piece: &[u8]) -> Vec<u32> {
        if let Some(&rank) = ranks.rank_of.get(piece) {
            return vec![rank];
        }
        let mut parts: Vec<Vec<u8>> = piece.iter().map(|&byte| vec![byte]).collect();
        loop {
            let joined = parts.windows(2).map(|two| ranks.rank_of.get(&two.concat()));
            let Some((_, at)) = joined.zip(0..).filter_map(|(rank, at)| Some((rank?, at))).min()
            else {
                break;
            };
            let right = parts.remove(at + 1);
            parts[at].extend(right);
        }
        parts.iter().map(|part| ranks.rank_of[part]).collect()
    }

    /// A file of all bytes, with `tokens` after them.
    fn file(tokens: &[String]) -> String {
        let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
        let mut all: Vec<Vec<u8>> = bytes.collect();
        for token in tokens.iter().map(|token| token.clone().into_bytes()) {
            if !all.contains(&token) {
                all.push(token);
            }
        }
        all.iter().zip(0..).map(|(token, rank)| line(token, rank)).collect()
    }

    proptest! {
        /// Training could make few of these vocabularies.
        #[test]
        fn any_vocabulary_encodes_as_the_format_means(
            tokens in prop::collection::vec("[ab]{2,5}", 0..12),
            text in "[ab]{1,100}",
        ) {
            let file = file(&tokens);
            let ranks = Ranks::read(&file).unwrap();
            let tokenizer = Tokenizer::from_tiktoken(&file, Split::Gpt2, &[]).unwrap();
            let mut ids = Vec::new();
            tokenizer.encode(&text, &mut ids);
            prop_assert_eq!(ids, naive(&ranks, text.as_bytes()));
            prop_assert_eq!(tokenizer.to_tiktoken().unwrap(), file);
        }
    }

    #[test]
    fn faults_are_named() {
        let message = |text: &str, specials: &[(&str, u32)]| {
            Tokenizer::from_tiktoken(text, Split::Gpt2, specials).unwrap_err().to_string()
        };
        assert!(message("YQ==\n", &[]).contains("line 1"));
        // Only canonical base64 is read: padded, with unused bits of zero, in the standard
        // alphabet.
        for wrong in ["Z", "Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9-", "Zm9é", "Zm 9v"]
        {
            assert!(message(&format!("YQ== 0\n{wrong} 1\n"), &[]).contains("line 2"), "{wrong}");
        }
        assert!(message("YQ== 0\nYQ== 1\n", &[]).contains("twice"));
        assert!(message("YQ== 0\n", &[]).contains("no token for the byte 0x0"));
        assert!(message(&file(&[]), &[("<s>", 3)]).contains("the id 3"));
        assert!(message("YQ== 4000000000\n", &[]).contains("below"));
        assert!("gpt5".parse::<TiktokenEncoding>().unwrap_err().to_string().contains("gpt2"));
    }
}
