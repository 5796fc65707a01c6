//! Bad lines, odd values and limits of JSONL.

use super::*;

/// The fault of a line between two sound ones.
fn fault_of(line: &[u8]) -> Option<(FaultReason, u32, u64)> {
    let file = [b"{\"text\":\"first\"}\n", line, b"\n{\"text\":\"last\"}"].concat();
    let found = records(Format::Jsonl, &file);
    let texts = texts(&found);
    assert!(texts.starts_with(&["first"]) && texts.ends_with(&["last"]), "{found:?}");
    assert_eq!(found.len(), 3, "{found:?}");
    faults(&found).first().map(|fault| {
        assert_eq!(fault.length, line.len() as u64);
        (fault.reason, fault.ordinal, fault.offset)
    })
}

#[test]
fn a_bad_line_is_one_fault_with_its_number_and_offset() {
    let deep = [b"{\"text\":\"a\",\"x\":".as_slice(), &b"[".repeat(10_000)].concat();
    let deep_and_closed = [&deep[..], &b"]".repeat(10_000), b"}"].concat();
    let cases: &[(&[u8], FaultReason)] = &[
        (b"{", FaultReason::BadJson),
        (b"{\"text\":\"a\"", FaultReason::BadJson),
        (b"{\"text\":\"a", FaultReason::BadJson),
        (b"{\"text\":\"a\\", FaultReason::BadJson),
        (b"{\"text\":\"a\"} x", FaultReason::BadJson),
        (b"{\"text\":\"a\",}", FaultReason::BadJson),
        (b"{\"text\" \"a\"}", FaultReason::BadJson),
        (b"{\"text\":\"a\",\"x\":}", FaultReason::BadJson),
        (b"{\"text\":\"a\",\"x\":tru}", FaultReason::BadJson),
        (b"{\"text\":\"a\",\"x\":[1,}]}", FaultReason::BadJson),
        (b"{\"text\":\"a\tb\"}", FaultReason::BadJson),
        (b"{\"text\":\"\\x\"}", FaultReason::BadJson),
        (b"[\"text\"]", FaultReason::BadJson),
        (b"null", FaultReason::BadJson),
        (b"\xFF\xFE", FaultReason::BadJson),
        (&deep, FaultReason::BadJson),
        (&deep_and_closed, FaultReason::BadJson),
        (b"{}", FaultReason::MissingText),
        (b"{\"text\":null}", FaultReason::MissingText),
        (b"{\"Text\":\"a\"}", FaultReason::MissingText),
        (b"{\"text\":1}", FaultReason::WrongType),
        (b"{\"text\":[\"a\"]}", FaultReason::WrongType),
        (b"{\"text\":\"\"}", FaultReason::Empty),
        (b"{\"text\":\" \\n\\t\xC2\xA0\"}", FaultReason::Empty),
    ];
    for (line, reason) in cases {
        let shown = String::from_utf8_lossy(&line[..line.len().min(40)]);
        assert_eq!(fault_of(line), Some((*reason, 1, 17)), "{shown}");
    }
}

fn document_of(line: &[u8]) -> Document {
    documents(&records(Format::Jsonl, line))[0].clone()
}

#[test]
fn bad_characters_are_repaired_and_marked() {
    let cases: &[(&[u8], &str, bool)] = &[
        (b"{\"text\":\"a\"}\r\n", "a", false),
        (b"\xEF\xBB\xBF{\"text\":\"bom\"}", "bom", false),
        (b"{\"text\":\"\\ud83d\\ude00\"}", "\u{1F600}", false),
        (b"{\"text\":\"\\\\ud800\"}", "\\ud800", false),
        (b"{\"text\":\"a\\ud800\"}", "a\u{FFFD}", true),
        (b"{\"text\":\"\\uDC00b\"}", "\u{FFFD}b", true),
        (b"{\"text\":\"\\ud83d\\ud83d\\ude00\"}", "\u{FFFD}\u{1F600}", true),
        (b"{\"text\":\"a\xFFb\xC3\"}", "a\u{FFFD}b\u{FFFD}", true),
        (b"{\"text\":\"a\xED\xA0\x80b\"}", "a\u{FFFD}\u{FFFD}\u{FFFD}b", true),
        (b"{\"text\":\"nul\\u0000\"}", "nul\u{FFFD}", true),
        (b"{\"text\":\"\\ufffe\xEF\xBF\xBE\"}", "\u{FFFE}\u{FFFE}", false),
    ];
    for (line, text, repaired) in cases {
        let document = document_of(line);
        assert_eq!((document.text.as_str(), document.repaired), (*text, *repaired), "{line:?}");
    }
}

#[test]
fn other_fields_are_kept_as_written() {
    let line = br#"{ "id": 7, "big": 1e400, "text":"a" , "url":"u", "date":null, "k\u0065y" : [1.10, {"a":"}"}], "text":"b", "big":123456789012345678901234567890, "s":"\ud800"}"#;
    let document = document_of(line);
    assert_eq!((document.text.as_str(), document.id.as_str()), ("b", "7"), "the last key wins");
    assert_eq!((document.url.as_deref(), document.date.as_deref()), (Some("u"), None));
    let extra = concat!(
        r#"{"big":123456789012345678901234567890,"k\u0065y":[1.10, {"a":"}"}],"#,
        r#""s":"\ufffd"}"#,
    );
    assert_eq!(document.extra.as_deref(), Some(extra));
    assert!(document.repaired);
    let document = document_of(br#"{"\u0074ext":"a","id":[1],"x":1e400}"#);
    assert_eq!(document.text, "a");
    assert_eq!(document.id, "in/file/0");
    assert_eq!(document.extra.as_deref(), Some(r#"{"id":[1],"x":1e400}"#));
    assert_eq!(document_of(br#"{"text":"a"}"#).extra, None);
}

#[test]
fn blank_lines_are_counted_but_are_not_records() {
    let found = records(Format::Jsonl, b"\n \r\n{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n\n");
    let places: Vec<_> =
        documents(&found).iter().map(|document| (document.ordinal, document.offset)).collect();
    assert_eq!(places, [(2, 4), (4, 18)]);
    assert_eq!(found.len(), 2);
    assert_eq!(documents(&found)[1].id, "in/file/4");
}

#[test]
fn a_line_over_the_limit_is_skipped() {
    let mut input = input(Format::Jsonl);
    input.limits.max_line_bytes = 1000;
    input.limits.max_document_bytes = 500;
    for long in [900, 1000, 1_000_000] {
        let text = "x".repeat(long - 11);
        let file = format!("{{\"text\":\"a\"}}\n{{\"text\":\"{text}\"}}\n{{\"text\":\"b\"}}\n");
        let found = records_of(&input, file.as_bytes(), &PartRange::Whole);
        assert_eq!((texts(&found), reasons(&found)), (vec!["a", "b"], vec![FaultReason::TooLarge]));
        let fault = faults(&found)[0];
        assert_eq!((fault.ordinal, fault.offset, fault.length), (1, 13, long as u64));
    }
    let many = (0..2000).fold(String::new(), |many, n| many + &format!("\"k{n}\":0,"));
    let line = format!("{{{many}\"text\":\"a\"}}");
    assert_eq!(reasons(&records(Format::Jsonl, line.as_bytes())), [FaultReason::TooLarge]);
}
