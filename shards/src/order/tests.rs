//! Properties of an order.

use proptest::prelude::*;

use super::sequence::permutation_key;
use super::*;
use crate::ShardError;

fn subject(rows: &[u64]) -> Subject {
    let sources = rows.iter().enumerate().map(|(i, n)| (format!("s{i}"), *n)).collect();
    Subject { root: "ab".repeat(32), plan: "0123456789abcdef".into(), sources }
}

fn stage(first_step: u64, batch_rows: u64, weights: &[u64]) -> Stage {
    Stage { first_step, batch_rows, weights: weights.to_vec() }
}

fn three_stages() -> Order {
    let stages = [stage(0, 8, &[3, 1, 1]), stage(50, 8, &[1, 0, 4]), stage(120, 16, &[1, 1, 1])];
    Order::new(subject(&[97, 40, 211]), 17, &stages, None).unwrap()
}

#[test]
fn each_epoch_has_every_row_once() {
    let order = Order::new(subject(&[97, 40]), 1, &[stage(0, 8, &[97, 40])], None).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    for sample in 0..3 * 137 {
        let sample = order.sample(sample);
        *seen.entry((sample.epoch, sample.row)).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 3 * 137);
    assert!(seen.values().all(|n| *n == 1));
    let first: Vec<u64> = (0..137).map(|g| order.sample(g).row).collect();
    let second: Vec<u64> = (137..274).map(|g| order.sample(g).row).collect();
    assert_ne!(first, second, "each epoch has its own order");
}

/// Any number of ranks and workers reads the same sequence.
#[test]
fn any_number_of_ranks_reads_one_sequence() {
    let order = three_stages();
    for step in [0, 1, 49, 50, 51, 119, 120, 400] {
        let rows = order.rows(step);
        for world in [1, 2, 4, 8] {
            let ranks: Vec<_> =
                (0..world).map(|rank| order.rank_rows(step, rank, world).unwrap()).collect();
            let dealt: Vec<u64> =
                (0..rows.len()).map(|i| ranks[i % world as usize][i / world as usize]).collect();
            assert_eq!(dealt, rows);
        }
        assert!(order.rank_rows(step, 0, 3).is_err());
    }
}

#[test]
fn weights_change_at_their_step_and_counters_continue() {
    let order = three_stages();
    assert_eq!(order.counts(50), [240, 80, 80]);
    assert_eq!(order.counts(120), [240 + 112, 80, 80 + 448]);
    assert!(order.samples(60).iter().all(|sample| sample.source != 1));
    let mut counts = vec![0; 3];
    for step in 0..150 {
        assert_eq!(order.counts(step), counts);
        assert_eq!(order.state(step).samples, counts);
        for sample in order.samples(step) {
            let rows = order.subject().sources[sample.source].1;
            assert_eq!(sample.epoch, counts[sample.source] / rows);
            counts[sample.source] += 1;
        }
    }
}

#[test]
fn resume_needs_only_the_state() {
    let order = three_stages();
    for step in [0, 1, 17, 50, 51, 119, 120, 10_000] {
        let json = serde_json::to_string(&order.state(step)).unwrap();
        let state: State = serde_json::from_str(&json).unwrap();
        let (again, at) = Order::from_state(order.subject().clone(), &state).unwrap();
        assert_eq!(at, step);
        for step in step..step + 20 {
            assert_eq!(again.rows(step), order.rows(step));
        }
    }
}

/// Later stages can be changed, stages that were read cannot.
#[test]
fn a_state_of_another_order_is_refused() {
    let order = three_stages();
    let state = order.state(60);
    let mut other = order.subject().clone();
    other.root = "cd".repeat(32);
    let error = Order::from_state(other, &state).unwrap_err();
    assert!(matches!(error, ShardError::Identity { what: "dataset root", .. }), "{error}");
    let mut other = order.subject().clone();
    other.plan = "f".repeat(16);
    assert!(Order::from_state(other, &state).is_err());
    let mut counts = state.clone();
    counts.samples[0] += 1;
    assert!(order.resume(&counts).is_err());
    let with_stage = |stage: Stage| {
        let mut stages: Vec<Stage> = order.stages().cloned().collect();
        stages.retain(|kept| kept.first_step < stage.first_step);
        stages.push(stage);
        Order::new(order.subject().clone(), 17, &stages, None).unwrap()
    };
    let rewritten = with_stage(stage(40, 8, &[1, 1, 1]));
    assert!(rewritten.resume(&state).is_err());
    let changed = with_stage(stage(60, 32, &[5, 5, 1]));
    assert_eq!(changed.resume(&state).unwrap(), 60);
    assert_eq!(changed.rows(59), order.rows(59));
    assert_eq!(changed.rows(60).len(), 32);
}

#[test]
fn budgets_are_exact() {
    let rows = [rows_for_tokens(100_001, 100), rows_for_tokens(50_000, 100)];
    assert_eq!(rows, [1001, 500]);
    let order = Order::new(subject(&[97, 40]), 5, &[stage(0, 16, &rows)], Some(1501)).unwrap();
    assert_eq!(order.steps_total(), Some(94));
    assert_eq!(order.rows(93).len(), 1501 - 93 * 16);
    assert!(order.rows(94).is_empty());
    assert_eq!(order.counts(94), [1001, 500]);
}

#[test]
fn impossible_orders_are_refused() {
    let make = |stages: &[Stage]| Order::new(subject(&[5, 0]), 0, stages, None);
    assert!(make(&[]).is_err());
    assert!(make(&[stage(1, 8, &[1, 0])]).is_err());
    assert!(make(&[stage(0, 0, &[1, 0])]).is_err());
    assert!(make(&[stage(0, 8, &[1])]).is_err());
    assert!(make(&[stage(0, 8, &[1, 1])]).is_err(), "the second source has no rows");
    assert!(make(&[stage(0, 8, &[1, 0]), stage(0, 8, &[1, 0])]).is_err());
}

/// Pins the derivation of the keys. A change would make the orders of earlier versions unreadable.
#[test]
fn the_order_is_pinned() {
    let order = three_stages();
    assert_eq!(permutation_key("ab", 17, 2, "web"), 8_698_203_564_292_539_439);
    assert_eq!(order.rows(0), [45u64, 271, 73, 116, 63, 22, 273, 82]);
}

proptest! {
    #[test]
    fn when_finds_each_row(step in 0u64..300, place in 0u64..8) {
        let order = three_stages();
        let sample = order.samples(step)[place as usize];
        prop_assert_eq!(order.when(sample.row, sample.epoch), Some((step, place)));
    }
}
