//! The parts of a file give the same records as the whole.

use proptest::prelude::*;

use super::*;
use crate::warc::parallel_survey::{record_starts, survey as survey_in_stretches};
use crate::{ReadSeek, StreamPool, survey};

/// A file of lines or records, compressed in one of several ways, and damaged.
fn pack<T: AsRef<[u8]>>(
    pieces: &[T],
    kind: u8,
    member_pieces: usize,
    damage: Option<usize>,
) -> Vec<u8> {
    let concat = |pieces: &[T]| -> Vec<u8> {
        pieces.iter().flat_map(|piece| piece.as_ref().iter().copied()).collect()
    };
    let members = pieces.chunks(member_pieces).map(concat);
    let mut file: Vec<u8> = match kind {
        0 => concat(pieces),
        1 => gzip(&concat(pieces)),
        2 => members.flat_map(|member| gzip(&member)).collect(),
        _ => members.flat_map(|member| zstd(&member)).collect(),
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
    #![proptest_config(cases(300))]

    #[test]
    fn parts_give_the_records_of_the_whole(
        lines in prop::collection::vec(line(), 0..80),
        kind in 0..4u8,
        member_lines in 1..20usize,
        part_bytes in 1..2000u64,
        cut_last in any::<bool>(),
        max_kept in 0..4usize,
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
        // Reusing streams of a pool changes nothing, in whatever order the parts are read.
        let streams = StreamPool::new(max_kept);
        let mut by_part = vec![Vec::new(); survey.parts.len()];
        for step in 0..survey.parts.len() {
            let number = (step * 7 + max_kept) % survey.parts.len();
            let number = if survey.parts.len().is_multiple_of(7) { step } else { number };
            let open = || -> std::io::Result<Box<dyn ReadSeek>> {
                Ok(Box::new(Cursor::new(file.clone())))
            };
            let part = streams.read(&input, open, &survey.parts[number], None).unwrap();
            by_part[number] = part.map(Result::unwrap).collect();
        }
        prop_assert_eq!(by_part.concat(), parts);
        // A file whose first object stands on several lines is one part, which is not counted.
        let Some(records) = survey.records else { return Ok(()) };
        prop_assert!(records >= whole.len() as u64);
        if kind > 0 {
            let skipped = survey.parts.iter().map(|part| match part {
                PartRange::Lines { start, restart, .. } => start - restart.decompressed,
                _ => 0,
            });
            prop_assert!(skipped.sum::<u64>() <= 7 * survey.decompressed_bytes.unwrap());
        }
    }
}

/// Two gaps where a line is truncated: a part that starts between them would meet the first again.
#[test]
fn no_part_starts_where_a_gap_truncates_a_line() {
    // A frame whose block claims 100 bytes, which includes the start of the next frame.
    let cut_frame = b"\x28\xB5\x2F\xFD\0\x38\x25\x03\0";
    let frames = [&zstd(b"1\n2\ncut off")[..], b"junk", cut_frame, &zstd(b"4\n5\n")];
    let (file, input) = (frames.concat(), input(Format::Jsonl));
    let whole = records_of(&input, &file, &PartRange::Whole);
    assert_eq!(whole.len(), 6, "{whole:?}");
    for part_bytes in 1..8 {
        let survey = survey(&input, Box::new(Cursor::new(file.clone())), part_bytes).unwrap();
        let read = |part| records_of(&input, &file, part);
        assert_eq!(survey.parts.iter().flat_map(read).collect::<Vec<_>>(), whole);
    }
}

/// A record, sound or damaged, or bytes that may stand between two records.
fn warc_piece() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a-zé \\r\\n]{0,80}";
    prop_oneof![
        6 => (any::<usize>(), text).prop_map(|(number, text)| wet_record(number, &text)),
        1 => (0..3000usize).prop_map(|count| wet_record(count, &"x".repeat(count))),
        1 => (text, -9..90i64).prop_map(|(text, over)| {
            let length = (text.len() as i64 + over).max(0);
            let header = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n";
            format!("{header}Content-Length: {length}\r\n\r\n{text}\r\n\r\n").into_bytes()
        }),
        1 => "[a-z\\n]{0,30}".prop_map(String::into_bytes),
        1 => Just(b"WARC/1.0\r\n\r\n".to_vec()),
        1 => Just(warc_record(&[("WARC-Type", "request")], b"GET / HTTP/1.1\r\n\r\n")),
        1 => Just(Vec::new()),
    ]
}

/// Checks that the parts of a WARC file give its records, and returns them and the number of parts.
fn whole_by_parts(input: &Input, file: &[u8], part_bytes: u64) -> (Vec<Record>, usize) {
    let whole = records_of(input, file, &PartRange::Whole);
    let survey = survey(input, Box::new(Cursor::new(file.to_vec())), part_bytes).unwrap();
    let parts: Vec<Record> =
        survey.parts.iter().flat_map(|part| records_of(input, file, part)).collect();
    assert_eq!(parts, whole);
    let open =
        || -> std::io::Result<Box<dyn ReadSeek>> { Ok(Box::new(Cursor::new(file.to_vec()))) };
    for stretch_bytes in [100, 1000, 100_000] {
        if file.len() as u64 / stretch_bytes < 300 {
            let stretched = survey_in_stretches(input, &open, part_bytes, stretch_bytes).unwrap();
            assert_eq!(stretched, survey, "in stretches of {stretch_bytes}");
        }
    }
    if survey.records.is_some() {
        assert_eq!(survey.records, Some(whole.len() as u64));
    }
    (whole, survey.parts.len())
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn parts_of_a_warc_file_are_the_whole(
        pieces in prop::collection::vec(warc_piece(), 0..40),
        kind in 0..4u8,
        member_pieces in 1..6usize,
        part_bytes in 1..3000u64,
        damage in prop::option::of(any::<usize>()),
        taken_out in prop::option::of((any::<usize>(), 1..100usize)),
        cut in prop::option::of(any::<usize>()),
    ) {
        let mut file = pack(&pieces, kind, member_pieces, damage);
        if let Some((at, count)) = taken_out {
            let at = at % (file.len() + 1);
            file.drain(at..(at + count).min(file.len()));
        }
        if let Some(cut) = cut {
            file.truncate(cut % (file.len() + 1));
        }
        let mut input = input(Format::Warc);
        input.limits.max_record_bytes = 2000;
        whole_by_parts(&input, &file, part_bytes);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// Files longer than the buffers, so that the buffers of the parts and of the whole differ.
    #[test]
    fn parts_of_a_long_warc_file_are_the_whole(
        lengths in prop::collection::vec((any::<u64>(), 0..150_000usize), 5..40),
        kind in 0..4u8,
        member_pieces in 1..9usize,
        part_bytes in 1..400_000u64,
        damage in prop::option::of(any::<usize>()),
    ) {
        let record = |(seed, length): &(u64, usize)| wet_record(*length, &noise(*seed, *length));
        let pieces: Vec<Vec<u8>> = lengths.iter().map(record).collect();
        let file = pack(&pieces, kind, member_pieces, damage);
        let mut input = input(Format::Warc);
        input.limits.max_record_bytes = 120_000;
        whole_by_parts(&input, &file, part_bytes);
    }
}

#[test]
fn a_warc_file_is_cut_between_members_and_inside_large_ones() {
    let pieces: Vec<Vec<u8>> = (0..200).map(|n| wet_record(n, &noise(n as u64, 800))).collect();
    let all = pieces.concat();
    let dictionary_frame = [&[0x5D, 0x2A, 0x4D, 0x18, 8, 0, 0, 0][..], b"no magic"].concat();
    let mut by_frame = dictionary_frame;
    by_frame.extend(pieces.iter().flat_map(|piece| zstd(piece)));
    let by_member: Vec<u8> = pieces.iter().flat_map(|piece| gzip(piece)).collect();
    // A single member or frame must be decompressed up to each part, so it has few parts.
    let files = [(all.clone(), 100), (by_member, 100), (by_frame, 100), (gzip(&all), 13)];
    for (file, parts) in files {
        let (whole, count) = whole_by_parts(&input(Format::Warc), &file, 1500);
        assert_eq!((documents(&whole).len(), count), (200, parts));
    }
}

/// An archive stored inside an archive: its members look like those of the file.
#[test]
fn no_part_starts_inside_an_archive_in_an_archive() {
    let inner: Vec<u8> = (0..50).flat_map(|n| gzip(&wet_record(n, &noise(7, 900)))).collect();
    let stored = |bytes: &[u8]| {
        let level = flate2::Compression::none();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let outer = warc_record(&[("WARC-Type", "resource"), ("Content-Type", "text/html")], &inner);
    let pages: Vec<u8> = (0..50).flat_map(|n| gzip(&wet_record(n, &noise(8, 900)))).collect();
    let input = input(Format::Warc);
    for (file, is_split) in [
        ([&pages[..], &stored(&outer), &pages].concat(), false),
        ([&pages[..], &gzip(b""), &pages].concat(), true),
    ] {
        whole_by_parts(&input, &file, 3000);
        let open =
            || -> std::io::Result<Box<dyn ReadSeek>> { Ok(Box::new(Cursor::new(file.clone()))) };
        let found = record_starts(&input, &open, file.len() as u64, 4000).unwrap();
        assert_eq!(found.is_some(), is_split);
    }
}

#[test]
fn a_warc_file_near_the_limit_of_its_ratio_is_one_part() {
    let pieces: Vec<Vec<u8>> = (0..40).map(|n| wet_record(n, &"a".repeat(9000))).collect();
    let file: Vec<u8> = pieces.iter().flat_map(|piece| gzip(piece)).collect();
    for grace in [0, 100_000, 200_000, 300_000] {
        let mut input = input(Format::Warc);
        (input.limits.max_ratio, input.limits.ratio_grace_bytes) = (50, grace);
        assert_eq!(whole_by_parts(&input, &file, 1000).1, 1);
        input.limits.max_ratio = 1000;
        assert_eq!(whole_by_parts(&input, &file, 1000).1, 40);
    }
}

#[test]
fn a_file_of_one_member_is_opened_once_for_parts_in_order() {
    let line = |n| format!("{{\"text\":\"{}\"}}\n", noise(n, 200));
    let lines = (0..400).map(line).collect::<Vec<_>>().concat();
    for file in [gzip(lines.as_bytes()), zstd(lines.as_bytes())] {
        let input = input(Format::Jsonl);
        let survey = survey(&input, Box::new(Cursor::new(file.clone())), 5000).unwrap();
        assert!(survey.parts.len() > 8);
        let (streams, mut opened, mut count) = (StreamPool::new(1), 0, 0);
        for part in &survey.parts {
            let open = || -> std::io::Result<Box<dyn ReadSeek>> {
                opened += 1;
                Ok(Box::new(Cursor::new(file.clone())))
            };
            count += streams.read(&input, open, part, None).unwrap().count();
        }
        assert_eq!((opened, count), (1, 400));
    }
}

/// Concatenated files: each has several parts, and concatenation does not reduce their number.
#[test]
fn concatenated_members_keep_their_number_of_parts() {
    let line = |n| format!("{{\"text\":\"{}\"}}\n", noise(n, 200));
    let lines: Vec<String> = (0..400).map(line).collect();
    let file: Vec<u8> =
        lines.chunks(40).flat_map(|lines| zstd(lines.concat().as_bytes())).collect();
    let survey = survey(&input(Format::Jsonl), Box::new(Cursor::new(file)), 1000).unwrap();
    assert_eq!(survey.parts.len(), 80);
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
