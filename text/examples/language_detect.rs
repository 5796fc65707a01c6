//! Detects the languages of texts, for benchmarks: `language_detect [MODEL] < DOCUMENTS.jsonl`.
//!
//! Reads JSON objects with a `text` from standard input, and writes a line with code, script and
//! confidence for each to standard output. The processor time is written to standard error. MODEL
//! is a fastText model or one made by `language_train`; the default is the embedded model.

use std::borrow::Cow;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::sync::Arc;

use text::fasttext::Model;
use text::language::{Detector, detect};

fn main() -> Result<(), Box<dyn Error>> {
    let detector = std::env::args().nth(1).map(|path| read(&path)).transpose()?;
    let mut texts = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let object: serde_json::Value = serde_json::from_str(&line?)?;
        texts.push(object["text"].as_str().ok_or("a document has no `text`")?.to_owned());
    }
    let find = |text| match &detector {
        Some(detector) => detector.detect(text),
        None => detect(text),
    };
    // The embedded model is loaded on its first use, which is not part of the measurement.
    black_box(find("start"));
    let start = processor_seconds()?;
    let found: Vec<_> = texts.iter().map(|text| find(text)).collect();
    let seconds = processor_seconds()? - start;
    let bytes: usize = texts.iter().map(String::len).sum();
    writeln!(
        std::io::stderr(),
        "{} texts, {bytes} bytes, {seconds:.3} s, {:.1} MB/s",
        texts.len(),
        bytes as f64 / 1e6 / seconds
    )?;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for language in found {
        match language {
            Some(language) => writeln!(
                output,
                "{}\t{}\t{:.4}",
                language.code, language.script, language.confidence
            )?,
            None => writeln!(output, "\t\t0")?,
        }
    }
    Ok(())
}

/// The processor time of this thread in seconds, from Linux's scheduler.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = statistics.split(' ').next().unwrap_or("").parse()?;
    Ok(nanoseconds as f64 / 1e9)
}

fn read(path: &str) -> Result<Detector, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    if let Ok(model) = Model::from_bytes(&bytes) {
        return Ok(Detector::with_model(Arc::new(model)));
    }
    let detector = Detector::from_bytes(Cow::Owned(bytes));
    Ok(detector.ok_or("MODEL is neither a fastText model nor one made by language_train")?)
}
