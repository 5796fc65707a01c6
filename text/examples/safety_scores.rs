//! Prints the safety scores of documents, which `benches/safety.py` compares with labels.
//!
//! `cargo run --release -p gristmill-text --example safety_scores -- FILE`: FILE has JSON lines
//! with `text`, and may be compressed with zstd. The output is JSON lines with `id`, `nsfw`,
//! `toxicity` and `profanity`.

use std::error::Error;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("the first argument must be a file")?;
    let file = std::fs::File::open(&path)?;
    let reader: Box<dyn Read> =
        if Path::new(&path).extension().is_some_and(|ending| ending == "zst") {
            Box::new(zstd::Decoder::new(file)?)
        } else {
            Box::new(file)
        };
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in BufReader::new(reader).lines() {
        let row: serde_json::Value = serde_json::from_str(&line?)?;
        let score = text::safety::score(row["text"].as_str().ok_or("a document has no `text`")?);
        let scores = serde_json::json!({
            "id": row["id"], "nsfw": score.nsfw, "toxicity": score.toxicity,
            "profanity": score.profanity,
        });
        writeln!(out, "{scores}")?;
    }
    Ok(())
}
