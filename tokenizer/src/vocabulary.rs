//! The vocabulary: the bytes of each token.

/// The largest vocabulary that can be trained or read: eight times the largest in wide use.
pub(crate) const MAX_VOCAB_SIZE: usize = 1 << 21;

/// The bytes of every token, by id, in one arena.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    bytes: Vec<u8>,
    /// Where each token ends in `bytes`; it begins where the one before it ends.
    ends: Vec<usize>,
}

impl Vocabulary {
    /// Adds a token and returns its id.
    pub(crate) fn push(&mut self, token: &[u8]) -> u32 {
        self.bytes.extend_from_slice(token);
        self.ends.push(self.bytes.len());
        self.ends.len() as u32 - 1
    }

    /// The number of ids.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of a token, or `None` for an id that is not in the vocabulary.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let end = *self.ends.get(id)?;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        Some(&self.bytes[start..end])
    }

    /// The ids in order, each with its bytes; an id without a token has none.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut start = 0;
        self.ends.iter().zip(0..).map(move |(&end, id)| {
            let token = &self.bytes[start..end];
            start = end;
            (id, token)
        })
    }

    /// The concatenated bytes of tokens. Ids that are not in the vocabulary stand for nothing.
    pub(crate) fn decode(&self, ids: &[u32]) -> Vec<u8> {
        let length = ids.iter().filter_map(|&id| self.get(id)).map(<[u8]>::len).sum();
        let mut bytes = Vec::with_capacity(length);
        for token in ids.iter().filter_map(|&id| self.get(id)) {
            bytes.extend_from_slice(token);
        }
        bytes
    }
}
