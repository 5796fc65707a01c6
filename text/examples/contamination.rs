//! Searches documents for the questions of benchmarks.
//!
//! `cargo run --release -p gristmill-text --example contamination -- QUESTIONS [min_overlap
//! [ngram_words [run_words [sharing_max [min_words]]]]] < DOCUMENTS`: questions are JSON lines with
//! `name`, `id` and `text`, and documents are JSON lines with `id` and `text`. Prints a JSON line
//! for each document that contains a question, and the speed to standard error.
//! `benches/decontamination.py` runs it.

use std::error::Error;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::time::{Duration, Instant};

use text::contamination::{Options, ReferenceIndex, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let questions = arguments.first().ok_or("the first argument must be a file of questions")?;
    let number = |index: usize, default: usize| {
        arguments.get(index).map_or(Ok(default), |given| given.parse::<usize>())
    };
    let defaults = Options::default();
    let mut builder = ReferenceIndex::builder(Options {
        min_overlap: arguments.get(1).map_or(Ok(defaults.min_overlap), |given| given.parse())?,
        ngram_words: number(2, defaults.ngram_words)?,
        run_words: number(3, defaults.run_words)?,
        sharing_max: number(4, defaults.sharing_max)?,
        min_words: number(5, defaults.min_words)?,
    });
    for line in BufReader::new(std::fs::File::open(questions)?).lines() {
        let row: serde_json::Value = serde_json::from_str(&line?)?;
        let field = |name: &str| {
            row[name].as_str().ok_or_else(|| format!("a question has no `{name}`: {row}"))
        };
        builder.add(field("name")?, field("id")?, field("text")?);
    }
    let index = builder.build();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut scratch = Scratch::default();
    let (mut bytes, mut spent) = (0, Duration::ZERO);
    for line in std::io::stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line?)?;
        let text = row["text"].as_str().ok_or("a document has no `text`")?;
        bytes += text.len();
        let start = Instant::now();
        let found = index.matches(text, &mut scratch);
        spent += start.elapsed();
        if let Some(found) = found {
            let line = serde_json::json!({
                "id": row["id"], "reference": found.reference, "question": found.id,
                "overlap": found.overlap, "ngrams": found.ngrams, "run_words": found.run_words,
                "start": found.span.start, "end": found.span.end, "passage": &text[found.span],
            });
            writeln!(out, "{line}")?;
        }
    }
    let rate = bytes as f64 / spent.as_secs_f64() / 1e6;
    writeln!(
        std::io::stderr(),
        "{} questions, {} skipped; {bytes} bytes; {rate:.1} MB/s",
        index.len(),
        index.skipped()
    )?;
    Ok(())
}
