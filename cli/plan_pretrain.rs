//! `gristmill plan --pretrain`: the cost of training a model.

use std::path::Path;
use std::time::Duration;

use encoder::AnyTokenizer;
use indicatif::HumanDuration;
use model::{ModelConfig, Plan, TrainConfig, measure_speed};
use serde_json::json;

use crate::arguments::{Common, PlanArguments, PlannedModelArguments};
use crate::failure::Failure;
use crate::output::{columns, human_bytes, human_count};
use crate::pretrain::read_shape;
use crate::printer::Printer;
use crate::run::load;

/// Number of steps to measure.
const MEASURED_STEPS: usize = 3;

/// Steps with more floating-point operations than this are not measured: on a small machine they
/// take more than half a minute.
const MEASURED_FLOPS_MAX: f64 = 1e12;

pub(crate) fn main(
    arguments: &PlanArguments,
    common: &Common,
    printer: Printer,
) -> Result<(), Failure> {
    let (config, train) = match &arguments.recipe {
        Some(recipe) => of_recipe(recipe, arguments.output.as_deref(), common)?,
        None => of_flags(&arguments.model)?,
    };
    let pool = pipeline::worker_threads(common.threads)?;
    let plan = model::plan(&config, &train, pool.current_num_threads());
    let step_flops = plan.flops / train.steps.max(1) as f64;
    let (speed, origin) = match arguments.model.tokens_per_second {
        Some(speed) => (Some(speed), "as given".to_owned()),
        None if step_flops > MEASURED_FLOPS_MAX => {
            let way_out = "a step takes too long to measure; give --tokens-per-second";
            (None, way_out.to_owned())
        }
        None => {
            let speed = pool.install(|| measure_speed(&config, &train, MEASURED_STEPS))?;
            let threads = pool.current_num_threads();
            (Some(speed), format!("median of {MEASURED_STEPS} steps on {threads} threads"))
        }
    };
    if printer.json() {
        let object = json!({
            "model": config,
            "steps": train.steps,
            "batch_size": train.batch_size,
            "plan": plan,
            "tokens_per_second": speed,
            "flops_per_second": speed.map(|speed| speed * plan.flops_per_token as f64),
            "seconds": speed.map(|speed| plan.seconds(speed)),
            "mfu": mfu(&plan, speed, arguments.model.peak_flops),
        });
        printer.object("plan", &object);
    } else {
        show(&plan, (&config, &train), (speed, &origin), printer);
        if let Some(mfu) = mfu(&plan, speed, arguments.model.peak_flops) {
            let formula = "tokens/s · operations per token / peak";
            printer.data(format!("  MFU {:>20.1} %  {formula}", mfu * 100.0));
        }
    }
    Ok(())
}

/// Model FLOPs utilisation from 0 to 1, if speed and peak are known.
fn mfu(plan: &Plan, speed: Option<f64>, peak_flops: Option<f64>) -> Option<f64> {
    Some(plan.mfu(speed?, peak_flops?))
}

fn of_recipe(
    recipe: &Path,
    output: Option<&Path>,
    common: &Common,
) -> Result<(ModelConfig, TrainConfig), Failure> {
    let recipe = load(recipe, output, common)?;
    let (Some(table), Some(tokenizer)) = (&recipe.pretrain, &recipe.tokenizer) else {
        let help =
            "add `[pretrain]` with `preset = \"tiny\"`, or omit the recipe and give --preset";
        return Err(Failure::usage("the recipe trains no model", help));
    };
    let vocab_size = match &tokenizer.file {
        Some(file) => AnyTokenizer::load(Path::new(file))?.vocab_size(),
        None => tokenizer.train.vocab_size,
    };
    Ok((recipe.model_shape(table, vocab_size)?, table.train.clone()))
}

fn of_flags(flags: &PlannedModelArguments) -> Result<(ModelConfig, TrainConfig), Failure> {
    let mut config = if let Some(file) = &flags.config {
        read_shape(file)?
    } else {
        let preset = flags.preset.as_deref().unwrap_or("tiny");
        ModelConfig::preset(preset, flags.vocab_size)?
    };
    config.context = flags.context.unwrap_or(config.context);
    config.validate()?;
    let mut train = TrainConfig {
        steps: flags.steps.unwrap_or(1),
        batch_size: flags.batch,
        optimizer: flags.optimizer,
        recompute: flags.recompute,
        ..TrainConfig::default()
    };
    if flags.steps.is_none() {
        train.steps = model::plan(&config, &train, 1).compute_optimal_steps as usize;
    }
    Ok((config, train))
}

fn show(
    plan: &Plan,
    (config, train): (&ModelConfig, &TrainConfig),
    (speed, origin): (Option<f64>, &str),
    printer: Printer,
) {
    let memory = &plan.memory;
    let time = |seconds: f64| HumanDuration(Duration::from_secs_f64(seconds)).to_string();
    let mut rows = vec![
        (
            "parameters",
            human_count(plan.parameters),
            format!(
                "{} layers, width {}, vocabulary {}",
                config.n_layers,
                human_count(config.dim as u64),
                human_count(config.vocab_size as u64)
            ),
        ),
        (
            "tokens",
            human_count(plan.tokens),
            format!(
                "{} steps of {} rows of {}",
                human_count(train.steps as u64),
                human_count(train.batch_size as u64),
                human_count(config.context as u64)
            ),
        ),
        (
            "compute-optimal",
            human_count(plan.compute_optimal_tokens),
            format!(
                "20 tokens per parameter (Hoffmann et al. 2022), {} steps",
                human_count(plan.compute_optimal_steps)
            ),
        ),
        (
            "operations",
            format!("{:.2e}", plan.flops),
            format!("{:.2e} per token: 6·N + 6·L·q·T", plan.flops_per_token as f64),
        ),
        (
            "memory",
            human_bytes(memory.training),
            format!(
                "weights {}, gradients {}, moments {}, activations {}, spare {}",
                human_bytes(memory.weights),
                human_bytes(memory.gradients),
                human_bytes(memory.moments),
                human_bytes(memory.activations),
                human_bytes(memory.spare)
            ),
        ),
        ("key-value cache", human_bytes(memory.kv_cache), "per sequence, when generating".into()),
    ];
    match speed {
        Some(speed) => {
            let operations = speed * plan.flops_per_token as f64;
            rows.push((
                "tokens/s",
                human_count(speed as u64),
                format!("{origin}, {:.1} GFLOP/s", operations / 1e9),
            ));
            rows.push(("time", time(plan.seconds(speed)), "without validations".into()));
        }
        None => rows.push(("time", "not known".into(), origin.into())),
    }
    let numbers: Vec<Vec<String>> =
        rows.iter().map(|(name, value, _)| vec![(*name).to_owned(), value.clone()]).collect();
    for (line, (_, _, remark)) in columns(&numbers).iter().zip(&rows) {
        printer.data(format!("{line}  {remark}"));
    }
}
