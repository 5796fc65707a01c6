//! Truncation, members, frames, junk, damage and bombs.

use super::*;

fn wet_members(pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..3).map(|number| pack(&wet_record(number, &noise(number as u64, 700)))).collect()
}

/// Truncates a file of three members at every byte. Whole members are read, and the truncated one
/// is exactly one fault, at its place.
fn cut_everywhere(pack: impl Fn(&[u8]) -> Vec<u8>) {
    let members = wet_members(pack);
    let ends: Vec<usize> = members
        .iter()
        .scan(0, |end, member| {
            *end += member.len();
            Some(*end)
        })
        .collect();
    let file = members.concat();
    let input = Input { compression: Compression::Gzip, ..input(Format::Warc) };
    for cut in 1..=file.len() {
        let found = records_of(&input, &file[..cut], &PartRange::Whole);
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(documents(&found).len(), whole, "cut at {cut}");
        let start = if whole == 0 { 0 } else { ends[whole - 1] };
        if start == cut {
            assert_eq!(faults(&found), [] as [&Fault; 0], "cut at {cut}");
        } else {
            let places: Vec<_> =
                faults(&found).iter().map(|fault| (fault.offset, fault.length)).collect();
            assert_eq!(places, [(start as u64, (cut - start) as u64)], "cut at {cut}");
        }
    }
}

#[test]
fn gzip_cut_anywhere_keeps_earlier_records_and_is_one_fault() {
    cut_everywhere(gzip);
}

#[test]
fn zstd_cut_anywhere_keeps_earlier_records_and_is_one_fault() {
    cut_everywhere(zstd);
}

#[test]
fn plain_warc_cut_anywhere_keeps_earlier_records_and_is_one_fault() {
    let parts: Vec<_> = (0..3).map(|number| wet_record(number, "some text")).collect();
    let file = parts.concat();
    for cut in 0..=file.len() {
        let found = records(Format::Warc, &file[..cut]);
        // A record is whole without the line ends after it.
        let whole = (1..=3).filter(|&n| parts[..n].concat().len() - 4 <= cut).count();
        let start: usize = parts[..whole].iter().map(Vec::len).sum();
        assert_eq!(documents(&found).len(), whole, "cut at {cut}");
        let expected = usize::from(cut > start);
        assert_eq!(reasons(&found), vec![FaultReason::Truncated; expected], "cut at {cut}");
    }
}

#[test]
fn gzip_members_are_one_stream() {
    let lines = |from: usize, to: usize| -> String {
        (from..to).fold(String::new(), |lines, n| lines + &format!("{{\"text\":\"line {n}\"}}\n"))
    };
    for members in [0, 1, 2, 50] {
        let mut file = gzip(b"");
        for member in 0..members {
            file.extend(gzip(lines(member * 10, member * 10 + 10).as_bytes()));
            file.extend(gzip(b""));
        }
        let sound = records(Format::Jsonl, &file);
        assert_eq!((documents(&sound).len(), faults(&sound).len()), (members * 10, 0));
        file.extend([0; 1000]);
        assert_eq!(records(Format::Jsonl, &file), sound, "zeros are padding");
        let junk_at = file.len() as u64;
        file.extend(b"no gzip at all");
        let found = records(Format::Jsonl, &file);
        assert_eq!(documents(&found), documents(&sound));
        let fault = faults(&found)[0];
        assert_eq!(reasons(&found), [FaultReason::Junk]);
        assert_eq!((fault.offset, fault.length), (junk_at, 14));
    }
}

#[test]
fn zstd_frames_and_skippable_frames_are_one_stream() {
    let mut file = Vec::new();
    for n in 0..5 {
        file.extend([0x50 + n, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]);
        file.extend(zstd(format!("{{\"text\":\"line {n}\"}}\n").as_bytes()));
        file.extend(zstd(b""));
    }
    let found = records(Format::Jsonl, &file);
    assert_eq!(texts(&found), ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    assert_eq!(found.len(), 5);
}

#[test]
fn a_damaged_member_costs_its_own_record_only() {
    for pack in [gzip as fn(&[u8]) -> Vec<u8>, |bytes| {
        let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }] {
        let members = wet_members(pack);
        let file = members.concat();
        let second = members[0].len()..members[0].len() + members[1].len();
        for at in second {
            let mut file = file.clone();
            file[at] ^= 0x55;
            let found = records(Format::Warc, &file);
            let ids: Vec<_> = documents(&found).iter().map(|found| found.id.clone()).collect();
            let sound = ids.len() == 3 && faults(&found).is_empty();
            let lost_one = ids == ["<urn:uuid:0>", "<urn:uuid:2>"];
            // Some changes are harmless: the name, time and system in a gzip header, and a block
            // size of zstd.
            assert!(lost_one || sound, "byte {at}: {found:?}");
            assert!(sound || (1..=2).contains(&faults(&found).len()), "byte {at}: {found:?}");
        }
    }
}

#[test]
fn bytes_missing_inside_a_member_do_not_hide_the_next() {
    let members = wet_members(gzip);
    for kept in 1..members[1].len() {
        let file = [&members[0][..], &members[1][..kept], &members[2][..]].concat();
        let found = records(Format::Warc, &file);
        let ids: Vec<_> = documents(&found).iter().map(|found| found.id.as_str()).collect();
        assert_eq!(ids, ["<urn:uuid:0>", "<urn:uuid:2>"], "{kept} bytes kept");
        assert_eq!(faults(&found).len(), 1, "{kept} bytes kept: {:?}", faults(&found));
    }
}

#[test]
fn bombs_are_stopped_by_ratio_and_by_size() {
    let zeros = vec![b' '; 64 << 20];
    for file in [gzip(&zeros), zstd(&zeros)] {
        let found = records(Format::Warc, &file);
        assert_eq!(reasons(&found), [FaultReason::TooLarge], "{found:?}");
        let fault = faults(&found)[0];
        assert_eq!((fault.offset, fault.length), (0, file.len() as u64));
    }
    let mut input = input(Format::Jsonl);
    input.limits.max_decompressed_bytes = 1 << 20;
    let line = format!("{{\"text\":\"{}\"}}\n", noise(1, 5000));
    let found = records_of(&input, &gzip(line.repeat(1000).as_bytes()), &PartRange::Whole);
    assert_eq!(reasons(&found), [FaultReason::TooLarge]);
    assert!(documents(&found).len() > 100);
}

#[test]
fn a_window_over_the_limit_is_refused() {
    let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(b"{\"text\":\"a\"}\n").unwrap();
    let file = encoder.finish().unwrap();
    let mut input = input(Format::Jsonl);
    input.limits.max_window_log = 20;
    let found = records_of(&input, &file, &PartRange::Whole);
    assert_eq!(reasons(&found), [FaultReason::Decompression]);
}

#[test]
fn first_bytes_take_precedence_over_the_name() {
    let line = b"{\"text\":\"a\"}\n";
    let named = |name, bytes: &[u8]| {
        let input = Input::from_name(name).unwrap();
        texts(&records_of(&input, bytes, &PartRange::Whole)).len()
    };
    assert_eq!(named("a.jsonl", &gzip(line)), 1);
    assert_eq!(named("a.jsonl.gz", &zstd(line)), 1);
    assert_eq!(named("a.jsonl.gz", line), 1);
    assert_eq!(named("a.txt.zst", b"plain"), 1);
    assert_eq!(Format::from_name("A.WARC.WET.GZ"), Some((Format::Wet, Compression::Gzip)));
    assert_eq!(Format::from_name("a.xlsx"), None);
}

#[test]
fn an_empty_compressed_file_is_truncated() {
    for name in ["a.jsonl.gz", "a.warc.zst"] {
        let input = Input::from_name(name).unwrap();
        let found = records_of(&input, b"", &PartRange::Whole);
        assert_eq!(reasons(&found), [FaultReason::Truncated]);
    }
    assert_eq!(records(Format::Jsonl, b""), []);
}

#[test]
fn a_text_file_is_one_document() {
    let found = records(Format::Text, &gzip(b"one\ntwo\n"));
    assert_eq!((texts(&found), documents(&found)[0].id.as_str()), (vec!["one\ntwo\n"], "in/file"));
    let mut input = input(Format::Text);
    input.limits.max_document_bytes = 5;
    let found = records_of(&input, b"one\ntwo\n", &PartRange::Whole);
    assert_eq!(reasons(&found), [FaultReason::TooLarge]);
    assert_eq!(reasons(&records(Format::Text, b" \n")), [FaultReason::Empty]);
}
