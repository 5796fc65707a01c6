//! `gristmill dedup INPUT… --output FILE`.

use std::process::ExitCode;

use toml::Value;

use crate::apply::tell;
use crate::arguments::{Common, DedupArguments};
use crate::failure::Failure;
use crate::one_liner::{OneLiner, table};
use crate::printer::Printer;

pub(crate) fn main(
    arguments: &DedupArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    pipeline::export::Target::of(&arguments.output)?;
    let mut one_liner = OneLiner::new(&arguments.input, &arguments.output)?;
    let keep = Value::from(arguments.keep.clone());
    for name in ["exact", "minhash"] {
        let mut with = table([("keep", keep.clone())]);
        if let (Some(threshold), "minhash") = (arguments.threshold, name) {
            with.insert("threshold".into(), threshold.into());
        }
        one_liner.stage(table([("use", name.into()), ("with", Value::Table(with))]));
    }
    one_liner.run(common, printer, |summary| {
        pipeline::export::documents(&summary.root, &arguments.output, false)?;
        if let Some(clusters) = &arguments.clusters {
            store::move_file(&summary.root.join("clusters.parquet"), clusters)?;
        }
        tell(summary, &arguments.output, printer);
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
