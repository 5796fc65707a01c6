//! Parts of a file give the records of the whole.

use proptest::prelude::*;

use super::super::survey;
use super::*;

/// How a file of lines is packed, and damaged.
fn pack(lines: &[String], kind: u8, member_lines: usize, damage: Option<usize>) -> Vec<u8> {
    let mut file: Vec<u8> = match kind {
        0 => lines.concat().into_bytes(),
        1 => gzip(lines.concat().as_bytes()),
        2 => lines.chunks(member_lines).flat_map(|lines| gzip(lines.concat().as_bytes())).collect(),
        _ => lines.chunks(member_lines).flat_map(|lines| zstd(lines.concat().as_bytes())).collect(),
    };
    if let Some(damage) = damage
        && !file.is_empty()
    {
        let at = damage % file.len();
        file[at] ^= 0x21;
    }
    file
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => "[a-z ]{0,40}".prop_map(|text| format!("{{\"text\":\"{text}\",\"n\":1}}\n")),
        1 => Just("\n".to_owned()),
        1 => "[a-z{}\"]{0,20}".prop_map(|junk| format!("{junk}\r\n")),
        1 => (100..400usize).prop_map(|count| format!("{{\"text\":\"{}\"}}\n", "é".repeat(count))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn parts_read_one_by_one_are_the_whole(
        lines in prop::collection::vec(line(), 0..80),
        kind in 0..4u8,
        member_lines in 1..20usize,
        part_bytes in 1..2000u64,
        cut_last in any::<bool>(),
        damage in prop::option::of(any::<usize>()),
    ) {
        let mut lines = lines;
        if cut_last && let Some(last) = lines.last_mut() {
            last.pop();
        }
        let file = pack(&lines, kind, member_lines, damage);
        let mut input = input(Format::Jsonl);
        input.limits.max_line_bytes = 600;
        let whole = records_of(&input, &file, &PartRange::Whole);
        let survey = survey(&input, Box::new(Cursor::new(file.clone())), part_bytes).unwrap();
        let parts: Vec<Record> =
            survey.parts.iter().flat_map(|part| records_of(&input, &file, part)).collect();
        prop_assert_eq!(&parts, &whole);
        prop_assert!(survey.records.unwrap() >= whole.len() as u64);
        if kind == 1 {
            prop_assert!(survey.parts.len() <= 16);
        }
    }
}

#[test]
fn parts_of_a_file_with_members_start_at_members() {
    let line = format!("{{\"text\":\"{}\"}}\n", "a".repeat(88));
    let file: Vec<u8> = (0..100).flat_map(|_| gzip(line.repeat(10).as_bytes())).collect();
    let input = input(Format::Jsonl);
    let survey = survey(&input, Box::new(Cursor::new(file)), 2500).unwrap();
    assert_eq!((survey.records, survey.decompressed_bytes), (Some(1000), Some(100_000)));
    assert_eq!(survey.parts.len(), 40);
    for part in &survey.parts {
        let PartRange::Lines { start, restart, .. } = part else { panic!("{part:?}") };
        assert!(start - restart.decompressed <= 1000, "{part:?}");
    }
}
