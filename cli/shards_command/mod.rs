//! `gristmill shards …`: work on token datasets without a recipe.

pub(crate) mod arguments;
mod dataset;
mod files;
mod order;
mod row_order;

use std::process::ExitCode;

use arguments::ShardsCommand;

use crate::arguments::Common;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) fn main(
    command: &ShardsCommand,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    match command {
        ShardsCommand::Stat(stat) => dataset::stat(&stat.dataset, printer),
        ShardsCommand::Verify(verify) => dataset::verify(verify, common, printer),
        ShardsCommand::Upload(upload) => files::upload(upload, common, printer),
        ShardsCommand::Cat(cat) => dataset::cat(cat, printer),
        ShardsCommand::Pack(pack) => order::pack(pack, printer),
        ShardsCommand::Order(order) => order::order(order, printer),
        ShardsCommand::ExplainStep(explain) => order::explain(explain, common, printer),
        ShardsCommand::Export(export) => files::export(export, printer),
        ShardsCommand::Import(import) => files::import(import, printer),
    }
}

/// Number of threads that read.
fn threads(common: &Common) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    common.threads.unwrap_or_else(cores)
}
