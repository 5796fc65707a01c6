//! Trains a fastText model on a file in fastText's format, for comparison with the C++ tool:
//! `fasttext_train TRAIN MODEL [option=value …]`. Prints the seconds of the training.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use text::fasttext::{Example, Loss, Model, TrainOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, model_path, settings @ ..] = arguments.as_slice() else {
        return Err("usage: fasttext_train TRAIN MODEL [option=value …]".into());
    };
    let mut options = TrainOptions::default();
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or("an option is not name=value")?;
        set(&mut options, name, value)?;
    }
    let lines = std::fs::read_to_string(train)?;
    let examples: Vec<Example<'_>> = lines.split_terminator('\n').map(Example::from_line).collect();
    let start = Instant::now();
    let mut loss = 0.0;
    let model = Model::train(&examples, &options, |progress| loss = progress.loss)?;
    let seconds = start.elapsed().as_secs_f64();
    std::io::Write::write_all(
        &mut std::fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(model_path)?,
        &model.to_bytes(),
    )?;
    writeln!(std::io::stdout(), "{{\"train_seconds\": {seconds}, \"loss\": {loss}}}")?;
    Ok(())
}

fn set(options: &mut TrainOptions, name: &str, value: &str) -> Result<(), Box<dyn Error>> {
    match name {
        "dim" => options.dim = value.parse()?,
        "lr" => options.learning_rate = value.parse()?,
        "epoch" => options.epochs = value.parse()?,
        "minCount" => options.min_count = value.parse()?,
        "wordNgrams" => options.word_ngrams = value.parse()?,
        "minn" => options.min_subword = value.parse()?,
        "maxn" => options.max_subword = value.parse()?,
        "bucket" => options.bucket = value.parse()?,
        "neg" => options.negatives = value.parse()?,
        "seed" => options.seed = value.parse()?,
        "loss" => {
            options.loss = match value {
                "softmax" => Loss::Softmax,
                "ns" => Loss::NegativeSampling,
                "ova" => Loss::OneVsAll,
                "hs" => Loss::HierarchicalSoftmax,
                _ => return Err("the loss is softmax, ns, ova or hs".into()),
            }
        }
        _ => return Err(format!("no option is called {name}").into()),
    }
    Ok(())
}
