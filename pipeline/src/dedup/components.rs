//! Connected components by union-find.

/// Disjoint sets over `0..n`; the root of a set is its smallest member, whatever the order of unions.
pub(super) struct Components {
    parents: Vec<u32>,
}

impl Components {
    pub(super) fn new(n: usize) -> Self {
        Self { parents: (0..n as u32).collect() }
    }

    /// The root of the set of `member`, halving the path on the way (Tarjan and van Leeuwen 1984).
    pub(super) fn find(&mut self, mut member: u32) -> u32 {
        while self.parents[member as usize] != member {
            let grandparent = self.parents[self.parents[member as usize] as usize];
            self.parents[member as usize] = grandparent;
            member = grandparent;
        }
        member
    }

    pub(super) fn union(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        if a != b {
            self.parents[a.max(b) as usize] = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Components;

    proptest! {
        /// Components do not depend on the order of the edges, and are those of a plain search.
        #[test]
        fn order_does_not_matter(edges in prop::collection::vec((0u32..40, 0u32..40), 0..60), rotate in 0usize..60) {
            let roots = |edges: &[(u32, u32)]| {
                let mut components = Components::new(40);
                edges.iter().for_each(|(a, b)| components.union(*a, *b));
                (0..40).map(|i| components.find(i)).collect::<Vec<_>>()
            };
            let mut plain: Vec<u32> = (0..40).collect();
            while let Some((a, b)) = edges.iter().find(|(a, b)| plain[*a as usize] != plain[*b as usize]) {
                let (from, to) = (plain[*a as usize], plain[*b as usize]);
                plain.iter_mut().filter(|r| **r == from.max(to)).for_each(|r| *r = from.min(to));
            }
            let mut turned = edges.clone();
            turned.rotate_left(rotate % edges.len().max(1));
            prop_assert_eq!(roots(&edges), plain);
            prop_assert_eq!(roots(&edges), roots(&turned));
        }
    }
}
