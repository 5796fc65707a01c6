//! `gristmill generate RUN --prompt …`.

use std::process::ExitCode;
use std::time::Instant;

use model::GenerateConfig;

use crate::arguments::GenerateArguments;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) fn main(arguments: &GenerateArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let (model, tokenizer) = pipeline::load_run_model(&arguments.run, &arguments.device)?;
    let settings = GenerateConfig {
        max_tokens: arguments.max_tokens,
        temperature: arguments.temperature,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        min_p: arguments.min_p,
        repetition_penalty: arguments.repetition_penalty,
        seed: arguments.seed,
    };
    let start = Instant::now();
    if !printer.json() {
        printer.piece(&arguments.prompt);
    }
    let mut each = |piece: &str| {
        if !printer.json() {
            printer.piece(piece);
        }
    };
    let text =
        pipeline::continue_text(&model, &tokenizer, &arguments.prompt, &settings, &mut each)?;
    let seconds = start.elapsed().as_secs_f64();
    if printer.json() {
        let object =
            serde_json::json!({ "prompt": arguments.prompt, "text": text, "seconds": seconds });
        printer.object("generate", &object);
    } else {
        printer.data("");
    }
    Ok(ExitCode::SUCCESS)
}
