//! What is repeated against the definition, and the laws of removal.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use store::Scratch;

use super::*;

/// Documents as they come in: ordinals and parts in the order of `documents`.
fn find(
    texts: &[String],
    lines: Lines,
    options: RepeatedOptions,
    memory_bytes: u64,
    documents: &[(u64, u32)],
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
    let mut sorter = KeySorter::new(&scratch, options, 100, memory_bytes).unwrap();
    for &(ordinal, part) in documents {
        let mut keys = Vec::new();
        lines.keys(&texts[ordinal as usize], &mut keys);
        // A key given twice is of one document all the same.
        sorter.push(part, ordinal, keys.iter().chain(&keys).copied()).unwrap();
    }
    let repeated = sorter.finish().unwrap();
    let mut parts: Vec<(u64, u32)> = documents.to_vec();
    parts.sort_unstable();
    let left = |(ordinal, part): (u64, u32)| {
        let keys = repeated.of_part(part).unwrap();
        let text = &texts[ordinal as usize];
        let left = lines.rewrite(text, ordinal, &keys, Action::Remove);
        let mut own = Vec::new();
        lines.keys(text, &mut own);
        assert_eq!(keys.concern(ordinal, own), left.repeated_units > 0);
        let counted = lines.rewrite(text, ordinal, &keys, Action::Count);
        assert_eq!(counted.text, *text);
        assert_eq!(counted.repeated_bytes, left.repeated_bytes);
        assert!(left.text.len() as u64 + left.repeated_bytes <= text.len() as u64);
        left.text.into_owned()
    };
    parts.into_iter().map(left).collect()
}

/// Lines of more than one document go, by the definition.
fn define<'a>(texts: &'a [String], max_documents: usize, keep_first: bool) -> Vec<Vec<&'a str>> {
    let mut documents: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (ordinal, text) in texts.iter().enumerate() {
        for line in text.lines() {
            documents.entry(line.trim()).or_default().insert(ordinal);
        }
    }
    let is_kept = |ordinal: usize, line: &str| {
        let of_line = &documents[line];
        line.len() < 2
            || of_line.len() <= max_documents
            || (keep_first && of_line.first() == Some(&ordinal))
    };
    let left = |(ordinal, text): (usize, &'a String)| -> Vec<&'a str> {
        let lines = text.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && is_kept(ordinal, line)).collect()
    };
    texts.iter().enumerate().map(left).collect()
}

proptest! {
    /// The lines left are those of the definition; whatever the order, the parts and the memory.
    #[test]
    fn repeated_lines_are_those_of_the_definition(
        texts in prop::collection::vec("( ?[ab]{0,3}(\n|\r\n)){0,8}[ab]{0,3}", 0..12),
        max_documents in 1usize..4,
        keep_first in any::<bool>(),
        memory_bytes in 0u64..10_000,
        seed in any::<u64>(),
    ) {
        let options = RepeatedOptions { max_documents: max_documents as u64, keep_first };
        let lines =
            Lines::new(LineOptions { simplified: false, min_characters: 2, ..Default::default() });
        let mut documents: Vec<(u64, u32)> =
            (0..texts.len() as u64).map(|ordinal| (ordinal, (ordinal / 3) as u32)).collect();
        documents.sort_by_key(|(ordinal, _)| crate::mix::mix(seed ^ ordinal));
        let left = find(&texts, lines, options, memory_bytes, &documents);
        let left: Vec<Vec<&str>> = left
            .iter()
            .map(|text| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
            .collect();
        prop_assert_eq!(left, define(&texts, max_documents, keep_first));
    }

    /// Units kept and units removed are all units, each byte by byte and in order.
    #[test]
    fn nothing_is_lost_and_nothing_comes(
        text in "([ab.] ?|\n|\r\n|\\PC){0,40}",
        unit in prop::sample::select(&Unit::ALL[..]),
        simplified in any::<bool>(),
    ) {
        let options = LineOptions { unit, simplified, min_characters: 1, run_units: 1 };
        let lines = Lines::new(options);
        let mut all = unit.split(&text);
        let left = lines.dedup_within(&text, Action::Remove);
        prop_assert_eq!(left.units as usize, all.len());
        let mut seen = BTreeSet::new();
        all.retain(|piece| lines.key(piece.of(&text)).is_none_or(|key| seen.insert(key)));
        prop_assert_eq!((left.units - left.repeated_units) as usize, all.len());
        let mut rest = &*left.text;
        for piece in &all {
            rest = rest.trim_start().strip_prefix(piece.of(&text)).unwrap();
        }
        prop_assert_eq!(rest.trim_start(), "");
        prop_assert!(text.ends_with(rest));
        if left.repeated_units == 0 {
            prop_assert_eq!(&*left.text, &*text);
        }
    }
}

#[test]
fn line_ends_stay_where_lines_stay() {
    let within = |unit, text| {
        let lines = Lines::new(LineOptions { unit, min_characters: 1, ..Default::default() });
        lines.dedup_within(text, Action::Remove).text.into_owned()
    };
    assert_eq!(within(Unit::Line, "a\nb\n  A!\nc\n"), "a\nb\nc\n");
    assert_eq!(within(Unit::Line, "a\nb\na"), "a\nb");
    assert_eq!(within(Unit::Line, "\n  a\n    b\n\na\n\tc"), "\n  a\n    b\n\n\tc");
    assert_eq!(within(Unit::Paragraph, "a\nb\n\nc\n \n\na b.\n\n\nd"), "a\nb\n\nc\n \n\nd");
    assert_eq!(within(Unit::Sentence, "One. Two.\nOne. Three. Two."), "One. Two.\nThree.");
}

#[test]
fn a_run_of_units_is_repeated_as_a_whole() {
    let options = LineOptions { min_characters: 1, run_units: 2, ..Default::default() };
    let lines = Lines::new(options);
    let left = lines.dedup_within("a\nb\nc\nb\na\nb\nc\nd", Action::Remove);
    assert_eq!((&*left.text, left.repeated_units), ("a\nb\nc\nb\nd", 3));
}
