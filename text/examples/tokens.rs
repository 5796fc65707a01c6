//! Prints the tokens and sentences of every document, for comparison with another implementation.
//!
//! `cargo run --release -p gristmill-text --example tokens -- unicode|spacy-en < IN.jsonl >
//! OUT.jsonl`: each line of the input has a `text`, and each line of the output is `{"tokens": […],
//! "sentences": […]}`.

use std::error::Error;
use std::io::{BufRead as _, BufWriter, Write as _, stdin, stdout};

use text::words::Segmenter;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("the first argument must be a segmenter")?;
    let segmenter: Segmenter = name.parse()?;
    let mut out = BufWriter::new(stdout().lock());
    for line in stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line?)?;
        let text = row["text"].as_str().ok_or("a document has no text")?;
        let tokens = segmenter.segment(text);
        let sentences = text::sentences::sentences(text);
        writeln!(out, "{}", serde_json::json!({"tokens": tokens, "sentences": sentences}))?;
    }
    out.flush()?;
    Ok(())
}
