//! Load time, memory and speed of `url::BlockList`, and its verdicts.
//!
//! `cargo run --release -p gristmill-text --example url_check -- DIALECT URLS REPEATS LISTS…`:
//! the dialect is `canonical` or `datatrove`, URLS has one URL a line, each of LISTS is a file
//! whose name says its kind. The reason of each URL (`-` for none) is printed line by line, and
//! the figures as JSON on the last line. Times are those of the processor, not of the clock.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write, stdout};

use text::url::{BlockList, BlockListBuilder, Dialect, ListKind};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dialect, urls, repeats, lists @ ..] = arguments.as_slice() else {
        return Err("usage: url_check DIALECT URLS REPEATS LISTS…".into());
    };
    let dialect = if dialect == "datatrove" { Dialect::Datatrove } else { Dialect::Canonical };
    let resident_before = resident_bytes("VmRSS:")?;
    let (list, unusable, load_seconds) = load(dialect, lists)?;
    let resident_after = resident_bytes("VmRSS:")?;
    let resident_peak = resident_bytes("VmHWM:")?;

    let urls = std::fs::read_to_string(urls)?;
    let urls: Vec<&str> = urls.lines().collect();
    let mut out = BufWriter::new(stdout().lock());
    for url in &urls {
        writeln!(out, "{}", list.check(url).map_or("-", |reason| reason.as_str()))?;
    }
    let start = processor_seconds()?;
    let repeats: usize = repeats.parse()?;
    let blocked: usize =
        (0..repeats).map(|_| urls.iter().filter(|url| list.check(url).is_some()).count()).sum();
    let check_seconds = processor_seconds()? - start;
    let figures = serde_json::json!({
        "entries": ListKind::ALL.map(|kind| list.len(kind)),
        "unusable_lines": unusable,
        "load_seconds": load_seconds,
        "list_bytes": list.memory_bytes(),
        "resident_growth_bytes": resident_after - resident_before,
        "resident_peak_growth_bytes": resident_peak - resident_before,
        "blocked_share": blocked as f64 / (repeats * urls.len()).max(1) as f64,
        "checks_per_second": (repeats * urls.len()) as f64 / check_seconds,
    });
    writeln!(out, "{figures}")?;
    Ok(())
}

/// The lists of some files, the number of lines without use, and the time that it took.
fn load(dialect: Dialect, files: &[String]) -> Result<(BlockList, u64, f64), Box<dyn Error>> {
    let start = processor_seconds()?;
    let mut builder = BlockListBuilder::new(dialect);
    for file in files {
        let kind =
            ListKind::of_path(file).ok_or_else(|| format!("{file} is no list by its name"))?;
        builder.add_reader(kind, BufReader::with_capacity(1 << 18, File::open(file)?))?;
    }
    let unusable = ListKind::ALL.iter().map(|&kind| builder.counts(kind).unusable).sum();
    let list = builder.build();
    Ok((list, unusable, processor_seconds()? - start))
}

/// Time that this thread ran, by Linux's scheduler; zero where there is none.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: u64 = statistics.split(' ').next().unwrap_or("0").parse()?;
    Ok(nanoseconds as f64 / 1e9)
}

/// A figure of `/proc/self/status`, zero where there is none.
fn resident_bytes(field: &str) -> Result<i64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes: i64 = line.map_or("0", |line| line.trim().trim_end_matches(" kB")).parse()?;
    Ok(kibibytes * 1024)
}
