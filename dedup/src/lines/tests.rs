//! Compares repeated units with their definition, and tests the properties of removal.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use store::Scratch;

use super::*;

/// Returns the texts without repeated lines. The documents are pushed in the order of `documents`,
/// given as ordinals and parts.
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
        // A key that a document gives twice still counts once.
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
        let has_repeated = own.into_iter().any(|key| keys.is_repeated(key, ordinal));
        assert_eq!(has_repeated, left.repeated_units > 0);
        let counted = lines.rewrite(text, ordinal, &keys, Action::Count);
        assert_eq!(counted.text, *text);
        assert_eq!(counted.repeated_bytes, left.repeated_bytes);
        assert!(left.text.len() as u64 + left.repeated_bytes <= text.len() as u64);
        left.text.into_owned()
    };
    parts.into_iter().map(left).collect()
}

/// Returns the lines that are left by the definition: those of more than `max_documents` documents
/// are removed.
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
    /// The lines that are left are those of the definition, whatever the order, the parts and the
    /// memory.
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

    /// The units that are left are the kept ones, unchanged and in order.
    #[test]
    fn nothing_is_lost_and_nothing_is_added(
        text in "([ab.] ?|\n|\r\n|\\PC){0,40}",
        unit in prop::sample::select(&[Unit::Line, Unit::Paragraph, Unit::Sentence][..]),
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
fn units_have_the_names_of_recipes() {
    let units = [Unit::Line, Unit::Paragraph, Unit::Sentence];
    for (name, unit) in ["line", "paragraph", "sentence"].into_iter().zip(units) {
        assert_eq!(serde_json::to_value(unit).unwrap(), name);
        assert_eq!(serde_json::from_value::<Unit>(name.into()).unwrap(), unit);
    }
    let error = serde_json::from_value::<Unit>("lines".into()).unwrap_err();
    let expected = "unknown variant `lines`, expected one of `line`, `paragraph`, `sentence`";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn line_ends_of_kept_lines_are_kept() {
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
