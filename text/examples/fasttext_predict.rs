//! Predicts the labels of texts with a fastText model, for comparison with the C++ tool:
//! `fasttext_predict MODEL TEXTS K THRESHOLD [REPEATS]`.
//!
//! TEXTS has one text per line. For each text a line `label probability …` is printed. The
//! processor times for loading the model and for predicting are written to standard error, in
//! seconds.

use std::error::Error;
use std::io::Write;

use text::fasttext::{Model, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, texts, k, threshold, repeats @ ..] = arguments.as_slice() else {
        return Err("usage: fasttext_predict MODEL TEXTS K THRESHOLD [REPEATS]".into());
    };
    let (k, threshold): (usize, f32) = (k.parse()?, threshold.parse()?);
    let repeats: usize = repeats.first().map_or(Ok(1), |repeats| repeats.parse())?;
    let start = processor_seconds()?;
    let model = Model::from_bytes(&std::fs::read(model)?)?;
    let load_seconds = processor_seconds()? - start;
    let texts = std::fs::read_to_string(texts)?;
    let mut scratch = Scratch::default();
    let mut best_seconds = f64::INFINITY;
    for _ in 0..repeats {
        let start = processor_seconds()?;
        for text in texts.lines() {
            std::hint::black_box(model.predict_with(&mut scratch, text, k, threshold));
        }
        best_seconds = best_seconds.min(processor_seconds()? - start);
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for text in texts.split_terminator('\n') {
        for (index, prediction) in
            model.predict_with(&mut scratch, text, k, threshold).iter().enumerate()
        {
            let separator = if index == 0 { "" } else { " " };
            let label = model.label(prediction.label);
            write!(out, "{separator}{label} {}", prediction.probability)?;
        }
        writeln!(out)?;
    }
    writeln!(
        std::io::stderr(),
        "{{\"load_seconds\": {load_seconds}, \"predict_seconds\": {best_seconds}}}"
    )?;
    Ok(())
}

/// The processor time of this thread in seconds, from Linux's scheduler.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = statistics.split(' ').next().unwrap_or("").parse()?;
    Ok(nanoseconds as f64 / 1e9)
}
