//! `gristmill export MODEL_DIR --as hf|gguf --output DIR`.

use std::process::ExitCode;

use model::Precision;
use training::{export_gguf, export_hf, load_model_folder};

use crate::arguments::{ExportModelArguments, ModelForm};
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) fn main(
    arguments: &ExportModelArguments,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let folder = load_model_folder(&arguments.model, 0, "cpu")?;
    let precision = if arguments.bf16 { Precision::Bf16 } else { Precision::F32 };
    let output = &arguments.output;
    let files = match arguments.form {
        ModelForm::Hf => export_hf(&folder, precision, output)?,
        ModelForm::Gguf => {
            let name = arguments.model.file_name().unwrap_or_default().to_string_lossy();
            export_gguf(&folder, &name, precision, output)?
        }
    };
    if printer.json() {
        printer.object("export", &serde_json::json!({ "output": output, "files": files }));
    } else {
        files.iter().for_each(|file| printer.say(format!("  → {}", output.join(file).display())));
    }
    Ok(ExitCode::SUCCESS)
}
