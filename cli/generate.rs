//! `gristmill generate MODEL_DIR --prompt …`.

use std::process::ExitCode;

use model::GenerateConfig;
use training::load_model_folder;

use crate::arguments::GenerateArguments;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) fn main(arguments: &GenerateArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let folder = load_model_folder(&arguments.model, 0, &arguments.device)?;
    let settings = GenerateConfig {
        max_tokens: arguments.max_tokens,
        temperature: arguments.temperature,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        min_p: arguments.min_p,
        repetition_penalty: arguments.repetition_penalty,
        seed: arguments.seed,
    };
    if !printer.json() {
        printer.piece(&arguments.prompt);
    }
    let mut each = |piece: &str| {
        if !printer.json() {
            printer.piece(piece);
        }
        true
    };
    let (prompt, stops) = (&arguments.prompt, &arguments.stop);
    let text = training::continue_text(
        &folder.model,
        folder.tokenizer()?,
        prompt,
        &settings,
        stops,
        &mut each,
    )?;
    let generated = &text.generated;
    if printer.json() {
        let object = serde_json::json!({
            "prompt": prompt,
            "text": text.text,
            "tokens": generated.ids.len(),
            "stopped_by": text.stopped_by,
            "seconds_to_first_token": generated.seconds_to_first_token,
            "tokens_per_second": generated.tokens_per_second,
        });
        printer.object("generate", &object);
    } else {
        printer.data("");
    }
    Ok(ExitCode::SUCCESS)
}
