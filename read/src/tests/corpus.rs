//! Real files, from the folder in `GRISTMILL_DATA`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::survey;

/// The folder of real WARC files, or `None` with a message if there is none.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("GRISTMILL_DATA");
    if folder.is_none() {
        eprintln!("skipped: GRISTMILL_DATA is not set");
    }
    Some(PathBuf::from(folder?).join("data/warc"))
}

fn contents(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// Files in which our number of records differs from FastWARC 2.0's, our number, and why.
const DIFFERENCES: &[(&str, usize, &str)] = &[
    (
        "pywb/sample_archive/warcs/example.warc",
        7,
        "gives up where a Content-Length is 7 too small; we report the 7 bytes and continue",
    ),
    (
        "warcio/test/data/example-trunc.warc",
        5,
        "gives up where a Content-Length is too small; we report the rest and continue",
    ),
];

#[test]
fn odd_files_have_the_records_that_fastwarc_finds() {
    let Some(folder) = folder() else { return };
    let folder = folder.join("odd");
    let expected = String::from_utf8(contents(&folder.join("EXPECTED.tsv"))).unwrap();
    let mut differences = Vec::new();
    for line in expected.lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let (name, fastwarc) = (columns[0], columns[2]);
        let found = records(Format::Warc, &contents(&folder.join(name)));
        let reported: Vec<_> = faults(&found)
            .iter()
            .map(|fault| {
                format!("{} at {}+{}: {}", fault.reason, fault.offset, fault.length, fault.detail)
            })
            .collect();
        let explained = DIFFERENCES.iter().find(|difference| name.ends_with(difference.0));
        let expected = explained.map(|explained| explained.1).or_else(|| fastwarc.parse().ok());
        let is_arc = reasons(&found) == [FaultReason::UnsupportedType];
        if is_arc && fastwarc.starts_with("ERR") {
            continue;
        }
        if explained.is_some() || !reported.is_empty() {
            let why = explained.map_or("", |explained| explained.2);
            let reported = reported.join("\n    ");
            println!("{name}: {} records; FastWARC {fastwarc} {why}\n    {reported}", found.len());
        }
        if Some(found.len()) != expected {
            differences.push((name, found.len(), fastwarc));
        }
    }
    assert_eq!(differences, []);
}

/// Every real file gives the same records in parts of several sizes as in one.
#[test]
fn parts_of_real_files_are_the_whole() {
    let Some(folder) = folder() else { return };
    let expected = String::from_utf8(contents(&folder.join("odd/EXPECTED.tsv"))).unwrap();
    let odd = expected.lines().skip(1).filter_map(|line| line.split('\t').next());
    let mut names: Vec<String> = odd.map(|name| format!("odd/{name}")).collect();
    for name in ["resiliparse-warcfile", "resiliparse-warcfile.dict", "resiliparse-warcfile.zdict"]
    {
        names.push(format!("zstd/{name}.warc.zst"));
    }
    names.push("realweb-00000.warc.wet.gz".to_owned());
    for name in &names {
        let file = contents(&folder.join(name));
        let whole = records(Format::Warc, &file);
        for part_bytes in [1, 5000, 300_000] {
            let input = input(Format::Warc);
            let survey = survey(&input, Box::new(Cursor::new(file.clone())), part_bytes).unwrap();
            let read = |part| records_of(&input, &file, part);
            let parts: Vec<Record> = survey.parts.iter().flat_map(read).collect();
            assert!(parts == whole, "{name} in parts of {part_bytes}");
            println!("{name}: {} records, {} parts", whole.len(), survey.parts.len());
        }
    }
}

#[test]
fn zstd_files_have_their_records_with_and_without_dictionary() {
    let Some(folder) = folder() else { return };
    let plain =
        records(Format::Warc, &contents(&folder.join("odd/resiliparse/tests/data/warcfile.warc")));
    let without_offsets = |records: &[Record]| {
        let documents = documents(records).into_iter().cloned();
        documents.map(|document| Document { offset: 0, ..document }).collect::<Vec<_>>()
    };
    for kind in ["", ".dict", ".zdict"] {
        let name = format!("zstd/resiliparse-warcfile{kind}.warc.zst");
        let found = records(Format::Warc, &contents(&folder.join(&name)));
        assert_eq!(found.len(), 50, "{name}");
        assert_eq!(without_offsets(&found), without_offsets(&plain), "{name}");
    }
    let found = records(Format::Warc, &contents(&folder.join("zstd/cc-whirlwind.warc.zst")));
    assert!(faults(&found).is_empty() && documents(&found).len() == 1, "{found:?}");
}

#[test]
fn real_pages_become_documents() {
    let Some(folder) = folder() else { return };
    let found = records(Format::Warc, &contents(&folder.join("realweb-00000.warc.wet.gz")));
    let mut kinds = BTreeMap::new();
    for record in &found {
        let kind = match record {
            Record::Document(_) => "document",
            Record::Fault(fault) => fault.reason.as_str(),
            Record::Skipped(reason, _) => reason.as_str(),
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    println!("realweb-00000 WET: {kinds:?}");
    assert_eq!(kinds["warcinfo"], 1);
    assert!(kinds["document"] > 200);
    assert!(documents(&found).iter().all(|document| document.url.is_some()));
}

#[test]
fn pages_are_where_the_gold_texts_say() {
    let Some(folder) = folder() else { return };
    let name = "realweb-00000.warc.gz";
    let found = records(Format::Warc, &contents(&folder.join(name)));
    let documents = documents(&found);
    let gold = String::from_utf8(contents(&folder.join("realweb-gold.jsonl"))).unwrap();
    let gold = gold.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut pages = 0;
    for page in gold.filter(|page| page["warc"] == name) {
        let place = (page["offset"].as_u64().unwrap(), page["record_id"].as_str().unwrap());
        let url = page["url"].as_str().map(str::trim);
        let is_page = |document: &&&Document| (document.offset, document.id.as_str()) == place;
        if let Some(document) = documents.iter().find(is_page) {
            assert_eq!(document.url.as_deref(), url);
        } else {
            // Readability finds no main text in a page or two.
            let is_place = |fault: &&&Fault| fault.offset == place.0;
            let fault = faults(&found).iter().find(is_place).map(|fault| fault.reason);
            assert_eq!(fault, Some(FaultReason::NoContent), "{page}");
        }
        pages += 1;
    }
    assert!(pages > 100, "{pages} pages");
}
