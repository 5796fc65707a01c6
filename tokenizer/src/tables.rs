//! Everything that encoding looks up: the model, and tables derived from it.

use crate::TokenizerError;
use crate::added::Finders;
use crate::bpe::BytePairs;
use crate::model::Model;
use crate::words::WholeWords;

/// A model with the tables that make encoding fast.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) model: Model,
    pub(crate) whole_words: WholeWords,
    pub(crate) byte_pairs: BytePairs,
    /// The added tokens that are not special.
    pub(crate) ordinary: Finders,
    /// All added tokens.
    pub(crate) all: Finders,
}

impl Tables {
    /// The tables of a model.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where no automaton can be built from the added tokens.
    pub(crate) fn new(model: Model) -> Result<Self, TokenizerError> {
        let ordinary = Finders::new(&model, |token| !token.special)?;
        let all = Finders::new(&model, |_| true)?;
        let byte_pairs = BytePairs::new(&model);
        let whole_words = WholeWords::new(&model, &byte_pairs);
        Ok(Self { model, whole_words, byte_pairs, ordinary, all })
    }
}
