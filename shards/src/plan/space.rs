//! A set of small integers that finds the next member at or above a number in a few steps.

/// A bitmap with summaries: bit `i` of level `k + 1` is set when word `i` of level `k` is not zero.
/// A domain of 4,096 has two levels, one of 262,144 three.
pub(super) struct SpaceSet {
    levels: Vec<Vec<u64>>,
}

impl SpaceSet {
    /// An empty set of integers below `domain`.
    pub(super) fn new(domain: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = domain.div_ceil(64).max(1);
        loop {
            levels.push(vec![0; words]);
            if words == 1 {
                return Self { levels };
            }
            words = words.div_ceil(64);
        }
    }

    pub(super) fn insert(&mut self, mut value: usize) {
        for level in &mut self.levels {
            let word = &mut level[value / 64];
            let was_empty = *word == 0;
            *word |= 1 << (value % 64);
            if !was_empty {
                return;
            }
            value /= 64;
        }
    }

    pub(super) fn remove(&mut self, mut value: usize) {
        for level in &mut self.levels {
            let word = &mut level[value / 64];
            *word &= !(1 << (value % 64));
            if *word != 0 {
                return;
            }
            value /= 64;
        }
    }

    /// The smallest member that is `value` or more.
    pub(super) fn at_or_above(&self, value: usize) -> Option<usize> {
        let (mut at, mut depth) = (value, 0);
        // Goes up to the first level that has a bit at or after the position, then down along the
        // first bits.
        let mut found = loop {
            let level = self.levels.get(depth)?;
            let word = level.get(at / 64).map_or(0, |word| word & (u64::MAX << (at % 64)));
            if word != 0 {
                break at / 64 * 64 + word.trailing_zeros() as usize;
            }
            at = at / 64 + 1;
            depth += 1;
        };
        for level in self.levels[..depth].iter().rev() {
            found = found * 64 + level[found].trailing_zeros() as usize;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::SpaceSet;

    proptest! {
        #[test]
        fn finds_what_a_tree_finds(
            domain in 1usize..20_000,
            operations in prop::collection::vec((any::<bool>(), any::<usize>(), any::<usize>()), 1..200),
        ) {
            let (mut set, mut oracle) = (SpaceSet::new(domain), BTreeSet::new());
            for (insert, value, query) in operations {
                let (value, query) = (value % domain, query % (domain + 2));
                if insert {
                    set.insert(value);
                    oracle.insert(value);
                } else if oracle.remove(&value) {
                    set.remove(value);
                }
                prop_assert_eq!(set.at_or_above(query), oracle.range(query..).next().copied());
            }
        }
    }
}
