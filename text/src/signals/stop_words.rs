//! The number of words of a list that occur in a text: Gopher's stop-word rule for any language.

use std::collections::BTreeMap;

use crate::words::Segmenter;

/// A list of stop words.
#[derive(Debug, Clone, Default)]
pub struct StopWords {
    /// The words, numbered.
    words: BTreeMap<String, usize>,
}

impl StopWords {
    /// Takes a list of words. They are compared case-sensitively; repeated words count once.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let mut list = Self::default();
        for word in words {
            let next = list.words.len();
            list.words.entry(word.to_owned()).or_insert(next);
        }
        list
    }

    /// The number of different words of the list that are tokens of a text.
    pub fn distinct_in(&self, text: &str, segmenter: Segmenter) -> u64 {
        let mut seen = vec![false; self.words.len()];
        let mut tokens = Vec::new();
        segmenter.tokens_into(text, &mut tokens);
        for token in tokens {
            if let Some(at) = self.words.get(token) {
                seen[*at] = true;
            }
        }
        seen.into_iter().map(u64::from).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_of_a_list() {
        let french = StopWords::new(["le", "la", "de", "le"]);
        assert_eq!(french.distinct_in("Le chat de la, de la", Segmenter::Unicode), 2);
        assert_eq!(french.distinct_in("", Segmenter::SpacyEn), 0);
    }
}
