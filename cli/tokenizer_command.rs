//! `gristmill tokenizer train` and `gristmill tokenizer encode`.

use std::process::ExitCode;

use store::shards::Split;

use crate::arguments::{Common, EncodeArguments, TrainArguments};
use crate::failure::Failure;
use crate::one_liner::{OneLiner, table};
use crate::output::{human_bytes, human_count};
use crate::printer::Printer;

pub(crate) fn train(
    arguments: &TrainArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let mut one_liner = OneLiner::new(&arguments.input, &arguments.output)?;
    let settings = table([
        ("vocab_size", (arguments.vocab_size as i64).into()),
        ("split", arguments.split.to_string().into()),
        ("min_frequency", (arguments.min_frequency as i64).into()),
    ]);
    one_liner.table("tokenizer", settings);
    one_liner.run(common, printer, |summary| {
        store::move_file(&summary.root.join("tokenizer.json"), &arguments.output)?;
        let vocab_size = pipeline::tokens::load(&arguments.output)?.vocab_size();
        if printer.json() {
            let object =
                serde_json::json!({ "output": arguments.output, "vocab_size": vocab_size });
            printer.object("tokenizer", &object);
        } else {
            let tokens = human_count(vocab_size as u64);
            printer.say(format!("  {tokens} tokens → {}", arguments.output.display()));
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn encode(
    arguments: &EncodeArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let mut one_liner = OneLiner::new(&arguments.input, &arguments.output)?;
    let file = arguments.tokenizer.display().to_string();
    one_liner.table("tokenizer", table([("file", file.into())]));
    one_liner.table("shards", table([("validation_fraction", 0.0.into())]));
    one_liner.run(common, printer, |summary| {
        store::move_folder(&summary.root.join("shards"), &arguments.output)?;
        let Some(shards) = &summary.shards else { return Ok(()) };
        if printer.json() {
            printer.object("shards", shards);
        } else {
            let tokens = shards.tokens(Split::Train);
            printer.say(format!(
                "  {} documents, {} tokens, {} → {}",
                human_count(shards.documents(Split::Train)),
                human_count(tokens),
                human_bytes(tokens * shards.token_type.bytes()),
                arguments.output.display()
            ));
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
