//! The languages of texts, for measuring: `language_detect [MODEL] < DOCUMENTS.jsonl`.
//!
//! Reads objects with a `text` from standard input and writes a line of code, script and
//! confidence for each to standard output; processor time goes to standard error. A MODEL is a file of
//! fastText or of `language_train`; without one the embedded model is used.

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
        texts.push(object["text"].as_str().unwrap_or_default().to_owned());
    }
    let find = |text| match &detector {
        Some(detector) => detector.detect(text),
        None => detect(text),
    };
    // The embedded model is read when it is first used.
    black_box(find("start"));
    let start = cpu_seconds();
    let found: Vec<_> = texts.iter().map(|text| find(text)).collect();
    let seconds = cpu_seconds() - start;
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

/// Processor time of this thread, which other work on the machine does not lengthen: the first
/// number of Linux's `schedstat`, in nanoseconds; zero elsewhere.
fn cpu_seconds() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.unwrap_or(0.0_f64) / 1e9
}

fn read(path: &str) -> Result<Detector, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    if let Ok(model) = Model::from_bytes(&bytes) {
        return Ok(Detector::with_model(Arc::new(model)));
    }
    Ok(Detector::from_bytes(Cow::Owned(bytes)).ok_or("neither model")?)
}
