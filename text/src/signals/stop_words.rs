//! How many words of a list occur in a text: Gopher's rule of stop words for any language.

use std::collections::BTreeMap;

use crate::words::Segmenter;

/// A list of stop words.
#[derive(Debug, Clone, Default)]
pub struct StopWords {
    /// For each word its bit among those seen.
    words: BTreeMap<String, usize>,
}

impl StopWords {
    /// Takes the words as they are, in the case in which they are to be found.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let mut list = Self::default();
        for word in words {
            let next = list.words.len();
            list.words.entry(word.to_owned()).or_insert(next);
        }
        list
    }

    /// How many different words of the list are tokens of a text.
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
