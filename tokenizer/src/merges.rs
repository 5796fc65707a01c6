//! The merge rules: which pairs of tokens merge, into which token, and in which order.

/// Two token ids side by side, left first.
pub(crate) type Pair = (u32, u32);

/// The rule for a pair. Lower ranks merge first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merge {
    /// The position of the rule in the list of merges.
    pub(crate) rank: u32,
    /// The token that the pair becomes.
    pub(crate) token: u32,
}

/// A pair as one number. The numbers sort like the pairs.
#[inline]
pub(crate) fn pack(pair: Pair) -> u64 {
    u64::from(pair.0) << 32 | u64::from(pair.1)
}

/// The pair of a number made by [`pack`].
#[inline]
pub(crate) fn unpack(pair: u64) -> Pair {
    ((pair >> 32) as u32, pair as u32)
}

/// The most rules of a tokenizer.
pub(crate) const MAX_RULES: usize = (1 << 25) - 1;

/// Bits of the filter per rule. One in eight pairs without a rule passes the filter.
const FILTER_BITS_PER_RULE: usize = 8;

/// Marks an empty slot. No vocabulary is large enough for this pair.
const EMPTY: u64 = u64::MAX;

/// The merge rules, by rank and by pair.
#[derive(Debug, Clone)]
pub(crate) struct MergeTable {
    pairs: Vec<Pair>,
    /// An open-addressing table, at most half full, so that the search for a pair without a rule
    /// ends at the first or second slot.
    slots: Vec<(u64, Merge)>,
    /// How far a hash is shifted to become a slot.
    shift: u32,
    /// A bit for each value of some bits of the hash, set if a rule has that value. Most pairs have
    /// no rule. The filter fits into the L2 cache and excludes most of them.
    filter: Vec<u64>,
}

/// A hash of a pair: one folded multiplication by the golden ratio, which spreads consecutive ids
/// (Knuth, The Art of Computer Programming 3, section 6.4).
#[inline]
fn mix(pair: u64) -> u64 {
    let product = u128::from(pair) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}

impl MergeTable {
    /// The rules in the order of their ranks. If a pair has several rules, the last one counts, as
    /// in Hugging Face's library.
    pub(crate) fn new(rules: impl IntoIterator<Item = (Pair, u32)>) -> Self {
        let ranked = rules.into_iter().zip(0..);
        Self::with_ranks(
            ranked.map(|((pair, token), rank)| (pair, Merge { rank, token })).collect(),
        )
    }

    /// The rules with explicit ranks, which several rules may share. Rules of equal rank apply from
    /// left to right.
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

    /// The slot of a pair, or the empty slot where it belongs.
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
        // The length of the filter is a power of two. It uses the low bits of the hash, and the
        // slot the high ones, so the two are independent.
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
