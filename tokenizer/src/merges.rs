//! The merge rules: which two tokens become which, and in which order.

/// Two token ids side by side, left first.
pub(crate) type Pair = (u32, u32);

/// What a pair merges to. Lower ranks merge first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merge {
    /// The place of the rule in the list of merges.
    pub(crate) rank: u32,
    /// The token that the pair becomes.
    pub(crate) token: u32,
}

/// A pair as one number; numbers sort as pairs do.
#[inline]
pub(crate) fn pack(pair: Pair) -> u64 {
    u64::from(pair.0) << 32 | u64::from(pair.1)
}

/// The pair of a number that [`pack`] made.
#[inline]
pub(crate) fn unpack(pair: u64) -> Pair {
    ((pair >> 32) as u32, pair as u32)
}

/// The most rules there may be.
pub(crate) const MAX_RULES: usize = (1 << 25) - 1;

/// Bits of the filter for each rule: one pair without a rule in eight passes it.
const FILTER_BITS_PER_RULE: usize = 8;

/// Marks an empty slot: no vocabulary is large enough for such a pair.
const EMPTY: u64 = u64::MAX;

/// The merge rules, by rank and by pair.
#[derive(Debug, Clone)]
pub(crate) struct MergeTable {
    pairs: Vec<Pair>,
    /// Open addressing, half full at most, so that the many pairs without a rule are seen to have
    /// none at the first or second slot.
    slots: Vec<(u64, Merge)>,
    /// How far a hash is shifted to become a slot.
    shift: u32,
    /// A bit for each value of some bits of the hash, set if a rule has it. Most pairs have no rule;
    /// this is small enough for the near caches and tells so of most of them.
    filter: Vec<u64>,
}

/// A hash of a pair: one folded multiplication by the golden ratio, which spreads ids that follow
/// each other (Knuth, The Art of Computer Programming 3, section 6.4).
#[inline]
fn mix(pair: u64) -> u64 {
    let product = u128::from(pair) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}

impl MergeTable {
    /// The rules in the order of their ranks. Of rules for the same pair the last holds, as in
    /// Hugging Face's library.
    pub(crate) fn new(rules: impl IntoIterator<Item = (Pair, u32)>) -> Self {
        let ranked = rules.into_iter().zip(0..);
        Self::with_ranks(
            ranked.map(|((pair, token), rank)| (pair, Merge { rank, token })).collect(),
        )
    }

    /// The rules with ranks that several may share: of rules of one rank, the one that applies
    /// further to the left goes first.
    pub(crate) fn with_ranks(rules: Vec<(Pair, Merge)>) -> Self {
        let size = (2 * rules.len()).next_power_of_two().max(2);
        let empty = (EMPTY, Merge { rank: 0, token: 0 });
        let mut table = Self {
            pairs: rules.iter().map(|&(pair, _)| pair).collect(),
            slots: vec![empty; size],
            shift: u64::BITS - size.trailing_zeros(),
            filter: vec![0; (size / 2 * FILTER_BITS_PER_RULE).div_ceil(64)],
        };
        for (pair, merge) in rules {
            let hash = mix(pack(pair));
            let (word, bit) = table.filter_bit(hash);
            table.filter[word] |= bit;
            let slot = table.slot(pack(pair), hash);
            table.slots[slot] = (pack(pair), merge);
        }
        table
    }

    /// The slot that holds a pair, or the empty one where it belongs.
    #[inline]
    fn slot(&self, pair: u64, hash: u64) -> usize {
        let mut at = (hash >> self.shift) as usize;
        while self.slots[at].0 != pair && self.slots[at].0 != EMPTY {
            at = (at + 1) & (self.slots.len() - 1);
        }
        at
    }

    /// The word of the filter and the bit in it for a hash.
    #[inline]
    fn filter_bit(&self, hash: u64) -> (usize, u64) {
        // The filter's length is a power of two. Its bits are not those that choose the slot.
        ((hash >> 6) as usize & (self.filter.len() - 1), 1 << (hash & 63))
    }

    /// The rule for a pair.
    #[inline]
    pub(crate) fn get(&self, left: u32, right: u32) -> Option<Merge> {
        let pair = pack((left, right));
        let hash = mix(pair);
        let (word, bit) = self.filter_bit(hash);
        if self.filter[word] & bit == 0 {
            return None;
        }
        let (found, merge) = self.slots[self.slot(pair, hash)];
        (found == pair && pair != EMPTY).then_some(merge)
    }

    /// The pairs in the order of their ranks.
    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
}
