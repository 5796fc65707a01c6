//! Connected components of the candidate pairs, by a union-find that all threads share.
//!
//! A root is linked below a smaller root by compare-and-exchange. So every pointer leads to a
//! smaller index, and the root of a set is its smallest member, whatever the order of the edges or
//! the number of threads. Look-ups halve the paths (Tarjan and van Leeuwen 1984; without locks:
//! Anderson and Woll 1991). Only documents with an edge have an entry, of 4 bytes, or of 8 bytes
//! from 2^32 documents on.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bug::OrBug;
use rayon::prelude::*;
use store::ScratchReader;

use crate::candidates::{Candidates, EDGE_BYTES};
use crate::error::{DedupError, Result};
use crate::marks::Marks;

/// Number of edges that a thread reads at once: 1 MiB.
const BLOCK_EDGES: u64 = 1 << 16;

/// The component of every document that has an edge.
pub struct Components {
    marks: Marks,
    forest: Either,
}

enum Either {
    Narrow(Forest<AtomicU32>),
    Wide(Forest<AtomicU64>),
}

impl Components {
    /// Joins the documents of every edge. The scratch file of the edges is deleted.
    ///
    /// # Errors
    /// When the scratch file cannot be read.
    pub fn find(candidates: Candidates) -> Result<Self> {
        let n_edges = candidates.edges();
        let (marks, edges) = candidates.into_parts();
        // Half the memory per document, in all but the largest runs.
        let forest = if u32::try_from(marks.count()).is_ok() {
            Either::Narrow(Forest::join_all(&marks, &edges, n_edges)?)
        } else {
            Either::Wide(Forest::join_all(&marks, &edges, n_edges)?)
        };
        Ok(Self { marks, forest })
    }

    /// The documents that have an edge.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Returns the component of a document: the index of its first document among those with an
    /// edge. `None` for a document that shares no key.
    pub fn of(&self, ordinal: u64) -> Option<u64> {
        let index = self.marks.index(ordinal)?;
        Some(match &self.forest {
            Either::Narrow(forest) => forest.parent(index),
            Either::Wide(forest) => forest.parent(index),
        })
    }

    /// Number of components. Each has two or more documents.
    pub fn count(&self) -> u64 {
        let is_root = |index: &u64| match &self.forest {
            Either::Narrow(forest) => forest.parent(*index) == *index,
            Either::Wide(forest) => forest.parent(*index) == *index,
        };
        (0..self.marks.count()).into_par_iter().filter(is_root).count() as u64
    }
}

/// An index that threads share. Relaxed ordering suffices: a cell only ever changes to another
/// index of the same set, and a join is a single exchange.
trait Cell: Send + Sync {
    fn new(index: u64) -> Self;
    fn get(&self) -> u64;
    /// Sets `new` if the value is `old`. Returns true if it was.
    fn exchange(&self, old: u64, new: u64) -> bool;
    fn set(&self, index: u64);
}

impl Cell for AtomicU32 {
    fn new(index: u64) -> Self {
        Self::new(index as u32)
    }

    fn get(&self) -> u64 {
        u64::from(self.load(Ordering::Relaxed))
    }

    fn exchange(&self, old: u64, new: u64) -> bool {
        let order = Ordering::Relaxed;
        self.compare_exchange(old as u32, new as u32, order, order).is_ok()
    }

    fn set(&self, index: u64) {
        self.store(index as u32, Ordering::Relaxed);
    }
}

impl Cell for AtomicU64 {
    fn new(index: u64) -> Self {
        Self::new(index)
    }

    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn exchange(&self, old: u64, new: u64) -> bool {
        self.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn set(&self, index: u64) {
        self.store(index, Ordering::Relaxed);
    }
}

/// Disjoint sets over `0..n`.
struct Forest<C> {
    parents: Vec<C>,
}

impl<C: Cell> Forest<C> {
    fn new(n: u64) -> Self {
        Self { parents: (0..n).into_par_iter().map(C::new).collect() }
    }

    fn join_all(marks: &Marks, edges: &ScratchReader, n_edges: u64) -> Result<Self> {
        let forest = Self::new(marks.count());
        let blocks = n_edges.div_ceil(BLOCK_EDGES);
        (0..blocks).into_par_iter().try_for_each_init(Vec::new, |bytes: &mut Vec<u8>, block| {
            let first = block * BLOCK_EDGES;
            let n = BLOCK_EDGES.min(n_edges - first) as usize;
            bytes.resize(n * EDGE_BYTES, 0);
            edges.read_at(first * EDGE_BYTES as u64, bytes)?;
            for edge in bytes.as_chunks::<8>().0.as_chunks::<2>().0 {
                let [a, b] = edge.map(|end| {
                    marks.index(u64::from_le_bytes(end)).or_bug("an edge joins marked documents")
                });
                forest.union(a?, b?);
            }
            Ok::<(), DedupError>(())
        })?;
        forest.flatten();
        Ok(forest)
    }

    fn parent(&self, member: u64) -> u64 {
        self.parents[member as usize].get()
    }

    fn root(&self, mut member: u64) -> u64 {
        loop {
            let parent = self.parent(member);
            if parent == member {
                return member;
            }
            let grandparent = self.parent(parent);
            if grandparent != parent {
                // If it fails, another thread has moved the pointer already, which is as good.
                self.parents[member as usize].exchange(parent, grandparent);
            }
            member = grandparent;
        }
    }

    fn union(&self, mut a: u64, mut b: u64) {
        loop {
            // The roots may change until the exchange, which then fails: look them up again.
            (a, b) = (self.root(a), self.root(b));
            let (low, high) = (a.min(b), a.max(b));
            if low == high || self.parents[high as usize].exchange(high, low) {
                return;
            }
        }
    }

    /// Makes every member point directly to its root.
    fn flatten(&self) {
        (0..self.parents.len() as u64).into_par_iter().for_each(|member| {
            self.parents[member as usize].set(self.root(member));
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::Scratch;

    use super::*;
    use crate::candidates::{Linker, band_row};
    use crate::sort::Sorter;

    const DOCUMENTS: u64 = 60;

    /// Returns the component of every document, named by its first document.
    fn components(rows: &[(u64, u64)], memory_bytes: u64, threads: usize) -> Vec<Option<u64>> {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let n = rows.len() as u64;
            let mut sorter = Sorter::new(&scratch, "rows", n, memory_bytes).unwrap();
            for (key, ordinal) in rows {
                let key = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                sorter.push(band_row(key, *ordinal)).unwrap();
            }
            let sorted = sorter.finish().unwrap();
            let mut linker = Linker::new(&scratch, "edges", DOCUMENTS).unwrap();
            linker.add(&sorted).unwrap();
            let components = Components::find(linker.finish().unwrap()).unwrap();
            let first: Vec<u64> = components.marks().iter().collect();
            let of = |ordinal| components.of(ordinal).map(|index| first[index as usize]);
            let found: Vec<_> = (0..DOCUMENTS).map(of).collect();
            let mut roots: Vec<u64> = found.iter().copied().flatten().collect();
            roots.sort_unstable();
            roots.dedup();
            assert_eq!(components.count(), roots.len() as u64);
            found
        })
    }

    /// Returns the smallest document that each one reaches over shared keys, by a search until
    /// nothing changes any more.
    fn by_plain_search(rows: &[(u64, u64)]) -> Vec<Option<u64>> {
        let mut first: Vec<u64> = (0..DOCUMENTS).collect();
        let pairs = || rows.iter().flat_map(|a| rows.iter().map(move |b| (a, b)));
        let linked = |((a, _), (b, _)): &(&(u64, u64), &(u64, u64))| a == b;
        loop {
            let before = first.clone();
            for ((_, a), (_, b)) in pairs().filter(linked) {
                first[*a as usize] = first[*a as usize].min(first[*b as usize]);
            }
            if before == first {
                break;
            }
        }
        let shares = |o: u64| pairs().filter(linked).any(|((_, a), (_, b))| *a == o && *a != *b);
        (0..DOCUMENTS).map(|o| shares(o).then_some(first[o as usize])).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Components equal those of a plain search. The order of the rows, the memory and the
        /// number of threads do not change them.
        #[test]
        fn are_those_of_a_plain_search(
            rows in prop::collection::vec((0u64..50, 0..DOCUMENTS), 0..80),
            turn in 0usize..80,
            memory_bytes in prop_oneof![0u64..4_000, Just(1 << 20)],
            threads in 1usize..4,
        ) {
            let expected = by_plain_search(&rows);
            let mut turned = rows.clone();
            turned.rotate_left(turn % rows.len().max(1));
            prop_assert_eq!(components(&rows, 1 << 20, 1), expected.clone());
            prop_assert_eq!(components(&turned, memory_bytes, threads), expected);
        }

        /// Many threads on long chains with shortcuts agree with one thread.
        #[test]
        fn threads_agree_on_the_smallest(
            edges in prop::collection::vec((0u64..2_000, 0u64..2_000), 3_000),
        ) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
            let roots = |parallel: bool| {
                let forest = Forest::<AtomicU64>::new(2_000);
                if parallel {
                    pool.install(|| edges.par_iter().for_each(|(a, b)| forest.union(*a, *b)));
                } else {
                    edges.iter().for_each(|(a, b)| forest.union(*a, *b));
                }
                forest.flatten();
                (0..2_000).map(|member| forest.parent(member)).collect::<Vec<_>>()
            };
            prop_assert_eq!(roots(true), roots(false));
        }
    }
}
