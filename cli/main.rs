//! The command line of gristmill.

mod apply;
mod arguments;
mod classifier;
mod dedup;
mod demo;
mod eval;
mod export_model;
mod failure;
mod generate;
mod logging;
mod one_liner;
mod output;
mod plan;
mod plan_pretrain;
mod pretrain;
mod printer;
mod progress;
mod reading;
mod run;
mod shards_command;
mod show;
mod signals;
mod sql_command;
mod stages;
mod stats;
mod tokenizer_command;
mod tokenizer_files;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, ClassifierCommand, Command, TokenizerCommand};
use printer::Printer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer::new(&arguments.common);
    failure::install_hooks();
    logging::start();
    match dispatch(&arguments, printer) {
        Ok(code) => code,
        Err(failure) => failure.report(printer),
    }
}

fn dispatch(arguments: &Arguments, printer: Printer) -> Result<ExitCode, failure::Failure> {
    let common = &arguments.common;
    match &arguments.command {
        Command::Demo(demo) => demo::main(demo, common, printer),
        Command::Run(run) => run::main(run, common, printer),
        Command::Plan(plan) => plan::main(plan, common, printer),
        Command::Sql(sql) => sql_command::main(sql, common, printer),
        Command::Show(show) => show::main(show, common, printer),
        Command::Verify(verify) => verify::main(verify, printer),
        Command::Pretrain(arguments) => pretrain::main(arguments, common.threads, printer),
        Command::Generate(generate) => generate::main(generate, printer),
        Command::Eval(arguments) => eval::main(arguments, common.threads, printer),
        Command::Export(arguments) => export_model::main(arguments, printer),
        Command::Apply(apply) => apply::main(apply, common, printer),
        Command::Stages(stages) => stages::main(stages, printer),
        Command::Dedup(dedup) => dedup::main(dedup, common, printer),
        Command::Stats(stats) => stats::main(stats, common, printer),
        Command::Classifier(ClassifierCommand::Train(train)) => {
            classifier::train(train, common, printer)
        }
        Command::Classifier(ClassifierCommand::Eval(eval)) => {
            classifier::eval(eval, common, printer)
        }
        Command::Shards(command) => shards_command::main(command, common, printer),
        Command::Tokenizer(TokenizerCommand::Count(count)) => {
            tokenizer_command::count(count, common, printer)
        }
        Command::Tokenizer(TokenizerCommand::Eval(eval)) => {
            tokenizer_command::eval(eval, common, printer)
        }
        Command::Tokenizer(TokenizerCommand::Train(train)) => {
            tokenizer_command::train(train, common, printer)
        }
        Command::Tokenizer(TokenizerCommand::Encode(encode)) => {
            tokenizer_command::encode(encode, common, printer)
        }
        Command::Tokenizer(TokenizerCommand::Decode(decode)) => {
            tokenizer_files::decode(decode, printer)
        }
        Command::Tokenizer(TokenizerCommand::Show(show)) => tokenizer_files::show(show, printer),
        Command::Tokenizer(TokenizerCommand::Export(export)) => {
            tokenizer_files::export(export, printer)
        }
    }
}
