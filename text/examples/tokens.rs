//! Tokens and sentences of every document, to compare with another implementation.
//!
//! `cargo run --release -p gristmill-text --example tokens -- unicode|spacy-en < IN.jsonl > OUT.jsonl`:
//! the input has a `text` on each line, the output `{"tokens": […], "sentences": […]}`.

use std::error::Error;
use std::io::{BufRead as _, BufWriter, Write as _, stdin, stdout};

use text::words::Segmenter;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let segmenter: Segmenter = name.parse()?;
    let mut out = BufWriter::new(stdout().lock());
    for line in stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line?)?;
        let text = row["text"].as_str().unwrap_or_default();
        let tokens = segmenter.segment(text);
        let sentences = text::sentences::sentences(text);
        writeln!(out, "{}", serde_json::json!({"tokens": tokens, "sentences": sentences}))?;
    }
    out.flush()?;
    Ok(())
}
