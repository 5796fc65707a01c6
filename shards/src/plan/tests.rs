//! Properties of packings.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::ShardError;

/// The plan of shards with documents of these lengths. It is written without the store, which would
/// wait for the disk.
fn plan_of(shards: &[Vec<u32>], sources: &[SourceDocuments], settings: &PlanSettings) -> Plan {
    let lengths = |shard: usize| Ok(shards[shard].clone());
    let documents = Documents {
        root: "ab".repeat(32),
        split: crate::dataset::Split::Train,
        shard_documents: shards.iter().map(|shard| shard.len() as u64).collect(),
        lengths: &lengths,
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    write_plan(&documents, sources, settings, &mut file, &path).unwrap();
    Plan::open(&path).unwrap()
}

fn settings(strategy: Strategy, sequence_length: u32) -> PlanSettings {
    PlanSettings { strategy, ..PlanSettings::new(sequence_length) }
}

fn rows(plan: &Plan) -> Vec<Vec<Segment>> {
    (0..plan.n_rows()).map(|row| plan.row(row).unwrap().collect()).collect()
}

fn one_source(shards: &[Vec<u32>]) -> Vec<SourceDocuments> {
    let all = 0..shards.iter().map(Vec::len).sum::<usize>() as u64;
    vec![SourceDocuments { name: String::new(), spans: vec![all] }]
}

/// How often each token is in a row, and how often it is a label of its own document.
fn uses(shards: &[Vec<u32>], rows: &[Vec<Segment>]) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let zeros: Vec<Vec<u32>> =
        shards.iter().map(|shard| vec![0; shard.iter().sum::<u32>() as usize]).collect();
    let (mut placed, mut labels) = (zeros.clone(), zeros);
    for segment in rows.iter().flatten() {
        for offset in 0..segment.length {
            let at = (segment.start + offset) as usize;
            placed[segment.shard as usize][at] += 1;
            labels[segment.shard as usize][at] += u32::from(offset > 0);
        }
    }
    (placed, labels)
}

fn check_header(plan: &Plan, rows: &[Vec<Segment>]) {
    let statistics = plan.header().statistics();
    let row_tokens = u64::from(plan.header().row_tokens());
    let lengths: Vec<u64> =
        rows.iter().map(|row| row.iter().map(|s| u64::from(s.length)).sum()).collect();
    assert!(lengths.iter().all(|length| *length <= row_tokens));
    let placed: u64 = lengths.iter().sum();
    assert_eq!(placed, statistics.tokens + statistics.repeated_tokens - statistics.dropped_tokens);
    assert_eq!(placed + statistics.padding_tokens, statistics.rows * row_tokens);
    assert_eq!(statistics.rows, rows.len() as u64);
    assert_eq!(statistics.rows_by_segments.iter().sum::<u64>(), statistics.rows);
    let most = rows.iter().map(Vec::len).max().unwrap_or_default() as u64;
    assert_eq!(statistics.segments_per_row_max, most);
}

fn shards() -> impl proptest::strategy::Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0u32..90, 0..60), 1..4)
}

proptest! {
    /// No token is dropped and no label lost, whatever the lengths.
    #[test]
    fn best_fit_loses_nothing(shards in shards(), sequence_length in 1u32..40, group in 1usize..80) {
        let settings = PlanSettings {
            group_documents: group,
            ..settings(Strategy::BestFit, sequence_length)
        };
        let plan = plan_of(&shards, &one_source(&shards), &settings);
        let rows = rows(&plan);
        check_header(&plan, &rows);
        let (placed, labels) = uses(&shards, &rows);
        for (shard, lengths) in shards.iter().enumerate() {
            let mut start = 0;
            for length in lengths {
                for offset in 0..*length {
                    let at = (start + offset) as usize;
                    let at_cut = offset > 0
                        && offset.is_multiple_of(sequence_length)
                        && offset + 1 < *length;
                    prop_assert_eq!(placed[shard][at], 1 + u32::from(at_cut));
                    prop_assert_eq!(labels[shard][at], u32::from(offset > 0));
                }
                start += length;
            }
        }
        prop_assert_eq!(plan.header().statistics().dropped_tokens, 0);
    }

    /// Rows are the windows of the stream that overlap by one token.
    #[test]
    fn concat_is_the_stream(shards in shards(), sequence_length in 1u32..40) {
        let plan =
            plan_of(&shards, &one_source(&shards), &settings(Strategy::Concat, sequence_length));
        let rows = rows(&plan);
        check_header(&plan, &rows);
        let stream: Vec<(u32, u32)> = (0u32..)
            .zip(&shards)
            .flat_map(|(shard, lengths)| (0..lengths.iter().sum()).map(move |at| (shard, at)))
            .collect();
        let step = sequence_length as usize;
        let n_rows = match stream.len() {
            0 => 0,
            n => (n - 1).div_ceil(step).max(1),
        };
        prop_assert_eq!(rows.len(), n_rows);
        for (number, row) in rows.iter().enumerate() {
            let tokens: Vec<(u32, u32)> = row
                .iter()
                .flat_map(|s| (s.start..s.start + s.length).map(|at| (s.shard, at)))
                .collect();
            let end = (number * step + step + 1).min(stream.len());
            prop_assert_eq!(&tokens[..], &stream[number * step..end]);
        }
    }

    /// A segment is a stretch of one document, so that positions can restart at each.
    #[test]
    fn segments_stay_in_their_document(shards in shards(), sequence_length in 1u32..40) {
        for strategy in [Strategy::Concat, Strategy::BestFit, Strategy::Truncate] {
            let plan = plan_of(&shards, &one_source(&shards), &settings(strategy, sequence_length));
            for segment in rows(&plan).iter().flatten() {
                let mut end = 0;
                let within = shards[segment.shard as usize].iter().any(|length| {
                    let start = end;
                    end += length;
                    start <= segment.start && segment.start + segment.length <= end
                });
                prop_assert!(within, "{strategy:?} {segment:?}");
            }
        }
    }

    #[test]
    fn truncate_keeps_the_starts(shards in shards(), sequence_length in 1u32..40) {
        let plan =
            plan_of(&shards, &one_source(&shards), &settings(Strategy::Truncate, sequence_length));
        let rows = rows(&plan);
        check_header(&plan, &rows);
        let kept: u32 = rows.iter().flatten().map(|s| s.length).sum();
        let expected: u32 = shards.iter().flatten().map(|l| (*l).min(sequence_length + 1)).sum();
        prop_assert_eq!(kept, expected);
    }
}

/// Compares with the definition of best fit: a search over all rows.
#[test]
fn best_fit_equals_its_definition() {
    let lengths: Vec<u32> = (0..400u32).map(|i| 1 + i.wrapping_mul(2_654_435_761) % 64).collect();
    let plan = plan_of(
        std::slice::from_ref(&lengths),
        &one_source(std::slice::from_ref(&lengths)),
        &settings(Strategy::BestFit, 63),
    );
    let mut sorted = lengths;
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let mut spaces: Vec<u32> = Vec::new();
    for length in sorted {
        match spaces.iter_mut().filter(|space| **space >= length).min() {
            Some(space) => *space -= length,
            None => spaces.push(64 - length),
        }
    }
    let mut found: BTreeMap<u32, u32> = BTreeMap::new();
    for row in rows(&plan) {
        *found.entry(64 - row.iter().map(|s| s.length).sum::<u32>()).or_default() += 1;
    }
    let mut expected: BTreeMap<u32, u32> = BTreeMap::new();
    spaces.iter().for_each(|space| *expected.entry(*space).or_default() += 1);
    assert_eq!(found, expected);
}

#[test]
fn sources_have_separate_rows() {
    let shards = vec![vec![5; 10], vec![7; 10]];
    let sources = [
        SourceDocuments { name: "a".into(), spans: vec![0..3, 9..12] },
        SourceDocuments { name: "b".into(), spans: vec![3..9, 12..20] },
    ];
    let plan = plan_of(&shards, &sources, &settings(Strategy::BestFit, 20));
    let [a, b] = &plan.header().sources[..] else { panic!("two sources") };
    assert_eq!((a.statistics.documents, a.statistics.tokens), (6, 34));
    assert_eq!((b.statistics.documents, b.statistics.tokens), (14, 86));
    let in_a = |s: &Segment| match s.shard {
        0 => s.start < 15 || s.start >= 45,
        _ => s.start < 14,
    };
    for (number, row) in rows(&plan).iter().enumerate() {
        let is_a = (number as u64) < a.statistics.rows;
        assert!(row.iter().all(|segment| in_a(segment) == is_a));
    }
    let span = 18..22;
    let beyond = [SourceDocuments { name: "a".into(), spans: vec![span] }];
    let lengths = |shard: usize| Ok(shards[shard].clone());
    let documents = Documents {
        root: String::new(),
        split: crate::dataset::Split::Train,
        shard_documents: vec![10, 10],
        lengths: &lengths,
    };
    let settings = PlanSettings::new(16);
    assert!(write_plan(&documents, &beyond, &settings, Vec::new(), Path::new("p")).is_err());
}

/// Every changed byte is found before it is used.
#[test]
fn damage_is_refused() {
    let shards = vec![(1..200).collect::<Vec<u32>>()];
    let folder = tempfile::tempdir().unwrap();
    let lengths = |shard: usize| Ok(shards[shard].clone());
    let documents = Documents {
        root: "ab".repeat(32),
        split: crate::dataset::Split::Train,
        shard_documents: vec![199],
        lengths: &lengths,
    };
    let (whole, _) = write_plan(
        &documents,
        &one_source(&shards),
        &PlanSettings::new(50),
        Vec::new(),
        Path::new("p"),
    )
    .unwrap();
    let read_all = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
        file.write_all(bytes).unwrap();
        let plan = Plan::open(file.path())?;
        (0..plan.n_rows()).try_for_each(|row| plan.row(row).map(drop))?;
        Ok::<String, ShardError>(plan.digest().into())
    };
    let digest = read_all(&whole).unwrap();
    let mut file = tempfile::NamedTempFile::new_in(folder.path()).unwrap();
    file.write_all(&whole).unwrap();
    Plan::open(file.path()).unwrap().check().unwrap();
    for at in (0..whole.len()).step_by(7).chain(whole.len() - 20..whole.len()) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        // A changed header may still be valid, but then it has another digest.
        assert!(read_all(&damaged).ok() != Some(digest.clone()), "byte {at}");
        assert!(read_all(&whole[..at]).is_err(), "cut at {at}");
    }
}
