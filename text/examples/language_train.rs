//! Trains the embedded language model: `language_train TRAIN.tsv MODEL.bin [OPTION=VALUE ...]`.
//!
//! The training file is made by `train_language.py` in `text/model`. Each line has three fields,
//! separated by tabs: a language code, the source of the text and the text. The options are
//! `examples`, `after`, `rows`, `buckets` and `rate`: see `text::language::TrainOptions`.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use text::language::{TrainOptions, train};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [training, model, settings @ ..] = &arguments[..] else {
        return Err("usage: language_train TRAIN.tsv MODEL.bin [OPTION=VALUE ...]".into());
    };
    let mut options = TrainOptions::default();
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or("an option must be NAME=VALUE")?;
        match name {
            "examples" => options.examples = value.parse()?,
            "after" => options.examples_after = value.parse()?,
            "rows" => options.row_bits = value.parse()?,
            "buckets" => options.bucket_bits = value.parse()?,
            "rate" => options.rate = value.parse()?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    let file = std::fs::read_to_string(training)?;
    let examples: Option<Vec<(&str, &str)>> = file
        .lines()
        .map(|line| {
            let mut fields = line.splitn(3, '\t');
            Some((fields.next()?, fields.nth(1)?))
        })
        .collect();
    let examples = examples.ok_or("a line of the training file has fewer than three fields")?;
    let start = Instant::now();
    let bytes = train(&examples, &options)?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(std::io::stderr(), "{} bytes after {seconds:.0} s", bytes.len())?;
    Ok(write(model, &bytes)?)
}

#[expect(clippy::disallowed_methods, reason = "a tool whose output nothing else reads meanwhile")]
fn write(path: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)
}
