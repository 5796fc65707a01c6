//! Cutting a trained vocabulary to a smaller size.
//!
//! Training to fewer tokens makes the same merges, but stops earlier. So the first merges of a
//! vocabulary are those of a smaller one, and each token of the larger one is a sequence of tokens
//! of the smaller one.

use crate::TokenizerError;
use crate::merges::{MergeTable, Pair};
use crate::model::{AddedToken, Model};
use crate::tokenizer::Tokenizer;
use crate::vocabulary::Vocabulary;

/// No token.
const NONE: u32 = u32::MAX;

impl Tokenizer {
    /// The merges with their tokens in the order of their ranks, if training could have made this
    /// vocabulary: each token except the bytes and the added ones comes from exactly one merge,
    /// whose two tokens come before it.
    pub(crate) fn trained_rules(&self) -> Option<Vec<(Pair, u32)>> {
        let model = self.model();
        let mut known = vec![false; model.vocabulary.len()];
        let added = model.added.iter().map(|token| token.id);
        for id in model.byte_tokens.iter().copied().chain(added) {
            *known.get_mut(id as usize)? = true;
        }
        let mut rules = Vec::with_capacity(model.merges.pairs().len());
        for (&(left, right), rank) in model.merges.pairs().iter().zip(0..) {
            let merge = model.merges.get(left, right).filter(|merge| merge.rank == rank)?;
            let of_known = known[left as usize] && known[right as usize];
            if !of_known || std::mem::replace(&mut known[merge.token as usize], true) {
                return None;
            }
            rules.push(((left, right), merge.token));
        }
        let bytes = model.characters.is_none() && !model.ignore_merges;
        (bytes && known.iter().all(|&known| known)).then_some(rules)
    }

    /// The tokenizer that training to `vocab_size` tokens would have made: this one without its
    /// last merges. Ids keep their order, so special tokens with the last ids keep the last ids.
    ///
    /// # Errors
    /// [`TokenizerError::InvalidConfig`] if `vocab_size` is larger than this vocabulary or too
    /// small for all bytes and added tokens, or if training did not make this vocabulary.
    pub fn cut_to(&self, vocab_size: usize) -> Result<Self, TokenizerError> {
        let invalid = |reason| TokenizerError::InvalidConfig {
            field: "vocab_size",
            value: vocab_size.to_string(),
            reason,
        };
        let untrained =
            || invalid("this vocabulary cannot be cut, because training did not make it".into());
        let mut rules = self.trained_rules().ok_or_else(untrained)?;
        let (largest, merges) = (self.vocab_size(), rules.len());
        let cut = largest
            .checked_sub(vocab_size)
            .filter(|&cut| cut <= merges)
            .ok_or_else(|| invalid(format!("must be from {} to {largest}", largest - merges)))?;
        let dropped = rules.split_off(merges - cut);
        let mut ids = vec![0; largest];
        for (_, token) in dropped {
            ids[token as usize] = NONE;
        }
        let model = self.model();
        let mut vocabulary = Vocabulary::default();
        for (new, (_, token)) in ids.iter_mut().zip(model.vocabulary.iter()) {
            if *new != NONE {
                *new = vocabulary.push(token);
            }
        }
        let id = |old: u32| ids[old as usize];
        let added = model.added.iter();
        let rule = |((left, right), token): (Pair, u32)| ((id(left), id(right)), id(token));
        Self::new(Model {
            vocabulary,
            byte_tokens: model.byte_tokens.map(id),
            merges: MergeTable::new(rules.into_iter().map(rule)),
            split: model.split,
            nfc: model.nfc,
            characters: None,
            ignore_merges: false,
            added: added.map(|token| AddedToken { id: id(token.id), ..token.clone() }).collect(),
        })
    }
}
