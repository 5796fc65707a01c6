//! From keys to clusters: the result must not depend on the order, the memory or the threads.

#![expect(clippy::unwrap_used, reason = "a test fails where its folder cannot be used")]

use std::collections::BTreeMap;

use dedup::candidates::{Linker, band_row};
use dedup::components::Components;
use dedup::gather::{Gather, Member};
use dedup::leaders::{Assigned, Evidence, Leaders, Verify};
use dedup::sort::Sorter;
use proptest::prelude::*;
use store::Scratch;

/// A document: its order as a survivor, its keys, its sketch.
type Document = (u8, Vec<u64>, Vec<u8>);

#[derive(Debug, Clone, Copy)]
struct Run {
    memory_bytes: u64,
    threads: usize,
    reversed: bool,
}

fn clusters(documents: &[Document], verify: Verify, run: Run) -> Vec<Assigned> {
    let folder = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(run.threads).build().unwrap();
    let mut input: Vec<(u64, &Document)> = (0..).zip(documents).collect();
    if run.reversed {
        input.reverse();
    }
    pool.install(|| {
        let n = documents.len() as u64;
        let mut sorter = Sorter::new(&scratch, "rows", n * 3, run.memory_bytes).unwrap();
        for (ordinal, (_, keys, _)) in &input {
            keys.iter().for_each(|key| sorter.push(band_row(*key, *ordinal)).unwrap());
        }
        let sorted = sorter.finish().unwrap();
        let mut linker = Linker::new(&scratch, "edges", n).unwrap();
        linker.add(&sorted).unwrap();
        let components = Components::find(linker.finish().unwrap()).unwrap();
        let mut gather = Gather::new(&scratch, "members", n * 60, run.memory_bytes).unwrap();
        for (ordinal, (order, keys, sketch)) in &input {
            let Some(component) = components.of(*ordinal) else { continue };
            let keys: Vec<[u8; 8]> = keys.iter().map(|key| key.to_le_bytes()).collect();
            let (ordinal, order) = (*ordinal, &[*order]);
            let keys = keys.as_slice();
            let member = Member { component, ordinal, order, keys, sketch, payload: &[] };
            gather.push(&member).unwrap();
        }
        let mut all = Vec::new();
        let truth = |a: u64, b: u64| Some(((a * 31 + b * 17) % 100) as f32 / 100.0);
        let gathered = gather.finish().unwrap();
        let take = |assigned| {
            all.extend::<Vec<_>>(assigned);
            Ok(())
        };
        let state = || Leaders::new(verify, 0.6);
        let done = gathered.map_in_order(state, |l, m, out| l.assign(m, truth, out), take);
        done.unwrap();
        all
    })
}

/// One of 25 keys, so that documents share keys, spread over all 64-bit numbers.
fn any_key() -> impl Strategy<Value = u64> {
    (0u64..25).prop_map(|key| key.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// The result does not depend on the order of the input, the memory and the threads. Every
    /// candidate is assigned once, to a representative of its component that represents itself.
    #[test]
    fn clusters_do_not_depend_on_the_run(
        documents in prop::collection::vec(
            (
                any::<u8>(),
                prop::collection::vec(any_key(), 0..4),
                prop::collection::vec(0u8..2, 20),
            ),
            1..50,
        ),
        verify in prop_oneof![
            Just(Verify::Off),
            Just(Verify::Signature),
            Just(Verify::Jaccard),
            Just(Verify::Containment),
        ],
        memory_bytes in prop_oneof![0u64..3_000, Just(1 << 20)],
        threads in 1usize..4,
    ) {
        let plain = Run { memory_bytes: 1 << 20, threads: 1, reversed: false };
        let assigned = clusters(&documents, verify, plain);
        let other = Run { memory_bytes, threads, reversed: true };
        prop_assert_eq!(&clusters(&documents, verify, other), &assigned);

        let of: BTreeMap<u64, &Assigned> = assigned.iter().map(|a| (a.ordinal, a)).collect();
        prop_assert_eq!(of.len(), assigned.len());
        for (ordinal, (_, keys, _)) in (0u64..).zip(&documents) {
            let shares = |keys: &[u64], with: &[u64]| with.iter().any(|key| keys.contains(key));
            let others = (0u64..).zip(&documents).filter(|(other, _)| *other != ordinal);
            let is_candidate = others.clone().any(|(_, other)| shares(&other.1, keys));
            prop_assert_eq!(of.contains_key(&ordinal), is_candidate);
            let Some(assigned) = of.get(&ordinal) else { continue };
            let representative = of[&assigned.representative];
            prop_assert_eq!(representative.evidence, Evidence::Itself);
            prop_assert_eq!(representative.representative, representative.ordinal);
            prop_assert_eq!(representative.component, assigned.component);
        }
    }
}
