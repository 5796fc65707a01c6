//! Prints the decisions of the filters of Gopher, C4 and FineWeb for every document, and their
//! time.
//!
//! `cargo run --release -p gristmill-text --example filters -- SEGMENTER [PRESET] < IN.jsonl >
//! OUT.jsonl`: each line of the input has a `text`, and each line of the output has, for each
//! filter, the reason to drop the document or null. The rules are those of the stock stages. C4
//! runs without its rule on terminal punctuation, as in FineWeb. The numbers of documents and
//! bytes, and the seconds on one core, are printed to standard error.

mod stage;

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, BufWriter, Write as _, stderr, stdin, stdout};
use std::time::Instant;

use serde_json::{Value, json};
use stage::Stage;
use text::c4::{Rules, clean};
use text::signals::{FIELDS, Scratch, measure, measure_with};
use text::words::Segmenter;

/// The filters that use signals, with the SQL of their stages.
const STAGES: [(&str, &str); 3] = [
    ("gopher_quality", include_str!("../../../sql/stages/gopher.sql")),
    ("gopher_rep", include_str!("../../../sql/stages/gopher_repetition.sql")),
    ("fineweb", include_str!("../../../sql/stages/fineweb.sql")),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let segmenter = arguments.next().ok_or("the first argument must be a segmenter")?;
    let segmenter: Segmenter = segmenter.parse()?;
    let preset = arguments.next();
    let mut stages = STAGES.map(|(name, sql)| (name, Stage::parse(sql)));
    for (_, stage) in &mut stages {
        if let Some(preset) = &preset {
            stage.parameters.insert("preset".to_owned(), preset.as_str().into());
        }
    }
    let rules = Rules { filter_no_terminal_punct: false, ..Rules::default() };
    let mut texts = Vec::new();
    for line in stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        texts.push(row["text"].as_str().ok_or("a document has no text")?.to_owned());
    }
    // The first call builds the tables.
    measure("", segmenter);
    let start = processor_seconds();
    let begun = Instant::now();
    let mut scratch = Scratch::default();
    for text in &texts {
        black_box(measure_with(text, segmenter, &mut scratch));
        black_box(clean(text, &rules));
    }
    let seconds = match (start, processor_seconds()) {
        (Some(start), Some(end)) => end - start,
        _ => begun.elapsed().as_secs_f64(),
    };
    let mut out = BufWriter::new(stdout().lock());
    for text in &texts {
        let values = measure(text, segmenter).values();
        let cleaned = clean(text, &rules);
        let field = |name: &str| {
            // SQL functions of a stage, such as `distinct_words()`, have no value here. Comparisons
            // with NaN are false, so their rules never drop a document.
            let at = FIELDS.iter().position(|field| field.name == name);
            at.map_or(f64::NAN, |at| values[at].as_f64())
        };
        let mut row = json!({"c4": cleaned.drop_reason, "c4_text": cleaned.text});
        for (name, stage) in &stages {
            row[name] = json!(stage.reason(&field));
        }
        writeln!(out, "{row}")?;
    }
    out.flush()?;
    let bytes: usize = texts.iter().map(String::len).sum();
    writeln!(stderr(), "{} documents, {bytes} bytes, {seconds:.4} s", texts.len())?;
    Ok(())
}

/// The processor time of this thread in seconds, so that other programs do not matter. `None` if
/// the system is not Linux.
fn processor_seconds() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(statistics.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}
