//! Trains the embedded language model: `language_train TRAIN.tsv MODEL.bin [OPTION=VALUE ...]`.
//!
//! Each line of the training file is a code, a tab, where the text comes from, a tab and a text:
//! `train_language.py` in `text/model` makes it. Options: `examples`, `after`, `rows`, `buckets`,
//! `rate`, as in `text::language::train::Options`.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use text::language::train::{Options, train};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [training, model, settings @ ..] = &arguments[..] else {
        return Err("usage: language_train TRAIN.tsv MODEL.bin [OPTION=VALUE ...]".into());
    };
    let mut options = Options::default();
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or("an option is NAME=VALUE")?;
        match name {
            "examples" => options.examples = value.parse()?,
            "after" => options.examples_after = value.parse()?,
            "rows" => options.row_bits = value.parse()?,
            "buckets" => options.bucket_bits = value.parse()?,
            "rate" => options.rate = value.parse()?,
            _ => return Err(format!("no option {name}").into()),
        }
    }
    let file = std::fs::read_to_string(training)?;
    let examples: Vec<(&str, &str)> = file
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, '\t');
            Some((fields.next()?, fields.nth(1)?))
        })
        .collect();
    let start = Instant::now();
    let bytes = train(&examples, &options);
    let seconds = start.elapsed().as_secs_f64();
    writeln!(std::io::stderr(), "{} bytes after {seconds:.0} s", bytes.len())?;
    Ok(write(model, &bytes)?)
}

#[expect(clippy::disallowed_methods, reason = "a tool, whose output nothing reads meanwhile")]
fn write(path: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)
}
