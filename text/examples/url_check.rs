//! Measures the load time, memory and speed of `url::BlockList`, and prints its decisions.
//!
//! `cargo run --release -p gristmill-text --example url_check -- DIALECT URLS REPEATS LISTS…`: the
//! dialect is `canonical` or `datatrove`, URLS is a file with one URL on each line, and each of
//! LISTS is a file whose name gives its kind. Prints a line with the reason for each URL (`-` for
//! none), and the measurements as JSON on the last line. Times are processor times. Linux only.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write, stdout};

use text::url::{BlockList, BlockListBuilder, Dialect, ListKind};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dialect, urls, repeats, lists @ ..] = arguments.as_slice() else {
        return Err("usage: url_check DIALECT URLS REPEATS LISTS…".into());
    };
    let dialect = match dialect.as_str() {
        "canonical" => Dialect::Canonical,
        "datatrove" => Dialect::Datatrove,
        _ => return Err(format!("{dialect} is not a dialect").into()),
    };
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

/// Loads the lists of some files. Returns them, the number of unusable lines, and the time in
/// seconds.
fn load(dialect: Dialect, files: &[String]) -> Result<(BlockList, u64, f64), Box<dyn Error>> {
    let start = processor_seconds()?;
    let mut builder = BlockListBuilder::new(dialect);
    for file in files {
        let kind = ListKind::of_path(file)
            .ok_or_else(|| format!("the name of {file} is not that of a list"))?;
        builder.add_reader(kind, BufReader::with_capacity(1 << 18, File::open(file)?))?;
    }
    let unusable = ListKind::ALL.iter().map(|&kind| builder.counts(kind).unusable).sum();
    let list = builder.build();
    Ok((list, unusable, processor_seconds()? - start))
}

/// The processor time of this thread in seconds, from Linux's scheduler.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let (nanoseconds, _) = statistics.split_once(' ').ok_or("schedstat has no fields")?;
    let nanoseconds: u64 = nanoseconds.parse()?;
    Ok(nanoseconds as f64 / 1e9)
}

/// A number of bytes in `/proc/self/status`.
fn resident_bytes(field: &str) -> Result<i64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.ok_or_else(|| format!("the status has no {field}"))?;
    let kibibytes: i64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}
