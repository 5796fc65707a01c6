//! Trains a fastText model on a file in fastText's format and writes it to standard output, for
//! comparison with the C++ tool: `fasttext_train TRAIN [option=value …] > MODEL`.
//!
//! The options are named as in the tool; with `quantize=1` the model is quantized after the
//! training. The processor times are written to standard error, in seconds.

use std::error::Error;
use std::io::Write;

use text::fasttext::{Example, Loss, Model, QuantizeOptions, Retrain, TrainOptions};

/// The settings from the command line.
#[derive(Default)]
struct Settings {
    train: TrainOptions,
    quantize: QuantizeOptions,
    is_quantized: bool,
    is_retrained: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, settings @ ..] = arguments.as_slice() else {
        return Err("usage: fasttext_train TRAIN [option=value …] > MODEL".into());
    };
    let mut all = Settings::default();
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or("an option must be name=value")?;
        all.set(name, value)?;
    }
    let lines = std::fs::read_to_string(train)?;
    let examples: Vec<Example<'_>> = lines.split_terminator('\n').map(Example::from_line).collect();
    let start = processor_seconds()?;
    let mut loss = 0.0;
    let mut model = Model::train(&examples, &all.train, |progress| loss = progress.loss)?;
    let train_seconds = processor_seconds()? - start;
    let start = processor_seconds()?;
    if all.is_quantized {
        let retrain = Retrain {
            examples: &examples,
            learning_rate: all.train.learning_rate,
            epochs: all.train.epochs,
        };
        let retrain = all.is_retrained.then_some(&retrain);
        model = model.quantize(&all.quantize, retrain, |progress| loss = progress.loss)?;
    }
    let quantize_seconds = processor_seconds()? - start;
    std::io::stdout().write_all(&model.to_bytes())?;
    writeln!(
        std::io::stderr(),
        "{{\"train_seconds\": {train_seconds}, \"quantize_seconds\": {quantize_seconds}, \
         \"loss\": {loss}}}"
    )?;
    Ok(())
}

impl Settings {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Box<dyn Error>> {
        let Self { train, quantize, is_quantized, is_retrained } = self;
        match name {
            "dim" => train.dim = value.parse()?,
            "lr" => train.learning_rate = value.parse()?,
            "epoch" => train.epochs = value.parse()?,
            "minCount" => train.min_count = value.parse()?,
            "wordNgrams" => train.word_ngrams = value.parse()?,
            "minn" => train.min_subword = value.parse()?,
            "maxn" => train.max_subword = value.parse()?,
            "bucket" => train.bucket = value.parse()?,
            "neg" => train.negatives = value.parse()?,
            "seed" => train.seed = value.parse()?,
            "loss" => train.loss = loss(value)?,
            "quantize" => *is_quantized = value == "1",
            "retrain" => *is_retrained = value == "1",
            "qnorm" => quantize.separate_norms = value == "1",
            "qout" => quantize.quantize_output = value == "1",
            "dsub" => quantize.part_columns = value.parse()?,
            "cutoff" => quantize.cutoff = Some(value.parse()?),
            _ => return Err(format!("unknown option {name}").into()),
        }
        Ok(())
    }
}

fn loss(name: &str) -> Result<Loss, Box<dyn Error>> {
    match name {
        "softmax" => Ok(Loss::Softmax),
        "ns" => Ok(Loss::NegativeSampling),
        "ova" => Ok(Loss::OneVsAll),
        "hs" => Ok(Loss::HierarchicalSoftmax),
        _ => Err("the loss must be softmax, ns, ova or hs".into()),
    }
}

/// The processor time of this thread in seconds, from Linux's scheduler.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = statistics.split(' ').next().unwrap_or("").parse()?;
    Ok(nanoseconds as f64 / 1e9)
}
