//! `gristmill plan RECIPE`: what a run would do and cost.

use std::process::ExitCode;
use std::time::Duration;

use indicatif::HumanDuration;
use pipeline::Preview;

use crate::arguments::{Common, PlanArguments};
use crate::failure::Failure;
use crate::output::{columns, counted, human_bytes, human_count};
use crate::plan_pretrain;
use crate::printer::Printer;
use crate::run::load;

pub(crate) fn main(
    arguments: &PlanArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    if arguments.pretrain {
        plan_pretrain::main(arguments, common, printer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(recipe) = &arguments.recipe else { return Ok(ExitCode::SUCCESS) };
    let recipe = load(recipe, arguments.output.as_deref(), common)?;
    let preview = Preview::of(&recipe, arguments.documents)?;
    if printer.json() {
        printer.object("plan", &preview);
    } else {
        show(&preview, printer);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(preview: &Preview, printer: Printer) {
    printer.data(format!("output   {}", preview.output.display()));
    let mut rows = Vec::new();
    for source in &preview.sources {
        rows.push(vec![
            format!("source   {}", source.name),
            counted(source.files, "file"),
            human_bytes(source.bytes),
            counted(source.parts, "part"),
        ]);
    }
    columns(&rows).iter().for_each(|line| printer.data(line.trim_start()));
    for (index, step) in preview.steps.iter().enumerate() {
        let done = if step.parts_done > 0 {
            format!(", {} done", human_count(step.parts_done))
        } else {
            String::new()
        };
        printer.data(format!("{}. {} ({}{done})", index + 1, step.what, step.extent));
        if let Some(cost) = &step.cost {
            printer.data(format!(
                "   up to {} documents: disk {}, memory {}, {} on two cores",
                human_count(cost.documents),
                human_bytes(cost.disk_bytes),
                human_bytes(cost.memory_bytes),
                HumanDuration(Duration::from_secs_f64(cost.seconds.max(1.0)))
            ));
        }
    }
    match &preview.state {
        pipeline::RunState::New => printer.data("the run has not started"),
        pipeline::RunState::Unfinished => printer.data("the run will resume where it stopped"),
        pipeline::RunState::Finished => printer.data("the run is finished; there is nothing to do"),
        pipeline::RunState::Changed(what) => {
            printer.data(format!("the run would be refused without --fresh: {what}"));
        }
    }
}
