//! Shows what a run of a recipe would do, without running it.

use std::path::PathBuf;
use std::sync::Arc;

use barrier::Cost;
use encoder::AnyTokenizer;
use serde::Serialize;
use store::Run;

use crate::documents::PartDocuments;
use crate::error::Result;
use crate::inputs::Inputs;
use crate::part::task;
use crate::plan::Plan;
use crate::recipe::Recipe;
use crate::run::fingerprint;
use crate::tokens::tokens_task;

/// What a run of a recipe would do.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The run directory.
    pub output: PathBuf,
    /// The sources that are read.
    pub sources: Vec<SourcePreview>,
    /// The steps in order.
    pub steps: Vec<StepPreview>,
    /// The state of the run directory.
    pub state: RunState,
}

/// A source.
#[derive(Debug, Clone, Serialize)]
pub struct SourcePreview {
    /// Its name.
    pub name: String,
    /// Number of files.
    pub files: u64,
    /// Bytes as stored (compressed).
    pub bytes: u64,
    /// Number of parts that hold data of it. Small files share parts.
    pub parts: u64,
}

/// A step.
#[derive(Debug, Clone, Serialize)]
pub struct StepPreview {
    /// What the step does.
    pub what: String,
    /// How much it processes.
    pub extent: String,
    /// Number of parts that are already done.
    pub parts_done: u64,
    /// Its cost, if that can be estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// The state of a run directory.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Empty or missing.
    New,
    /// An unfinished run of this recipe.
    Unfinished,
    /// A finished run of this recipe.
    Finished,
    /// A run of another recipe or other inputs; the text lists the differences.
    Changed(String),
}

impl Preview {
    /// Plans `recipe`, reads its inputs once to cut them, and checks its output. Costs are for
    /// `documents` documents; with `None`, their number is estimated from a sample.
    ///
    /// # Errors
    /// The recipe cannot be planned, or an input or the run directory cannot be read.
    pub fn of(recipe: &Recipe, documents: Option<u64>) -> Result<Self> {
        let plan = Plan::new(recipe)?;
        let inputs = Arc::new(Inputs::survey(recipe, true)?);
        let output = recipe.output();
        let (state, done) = match Run::state(&output)? {
            None => (RunState::New, Vec::new()),
            Some(found) => {
                let differences =
                    found.fingerprint.differences(&fingerprint(recipe, &plan, &inputs)?);
                let state = match (differences.is_empty(), found.finished) {
                    (false, _) => RunState::Changed(
                        differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                    ),
                    (true, true) => RunState::Finished,
                    (true, false) => RunState::Unfinished,
                };
                (state, found.tasks)
            }
        };
        let sources = recipe
            .sources
            .iter()
            .map(|source| {
                let is_of = |file: u32| inputs.files[file as usize].source == source.name;
                let parts = inputs.parts.iter().filter(|p| p.pieces.iter().any(|p| is_of(p.file)));
                SourcePreview {
                    name: source.name.clone(),
                    files: source.files.len() as u64,
                    bytes: source.files.iter().map(|file| file.file.bytes).sum(),
                    parts: parts.count() as u64,
                }
            })
            .collect();
        let documents = match documents {
            Some(documents) => documents,
            None => estimated_documents(&inputs)?,
        };
        let done = |task: &str| done.iter().any(|t| t == task);
        let steps = steps(recipe, &plan, (&inputs, documents), &done);
        Ok(Self { output, sources, steps, state })
    }
}

/// Parts that are read to estimate the number of documents.
const SAMPLED_PARTS: usize = 3;

/// Estimates the number of documents from a few parts, spread evenly over the inputs.
fn estimated_documents(inputs: &Arc<Inputs>) -> Result<u64> {
    let parts = inputs.parts.len();
    let (mut documents, mut bytes) = (0, 0);
    for part in (0..parts).step_by(parts.div_ceil(SAMPLED_PARTS).max(1)) {
        for batch in PartDocuments::new(inputs.clone(), part, Arc::default()) {
            documents += batch?.batch.num_rows() as u64;
        }
        bytes += inputs.parts[part].bytes();
    }
    Ok((u128::from(documents) * u128::from(inputs.bytes()) / u128::from(bytes.max(1))) as u64)
}

fn steps(
    recipe: &Recipe,
    plan: &Plan,
    (inputs, documents): (&Inputs, u64),
    is_done: &dyn Fn(&str) -> bool,
) -> Vec<StepPreview> {
    let parts = inputs.parts.len();
    let count = |name: &dyn Fn(usize) -> String| {
        (0..parts).filter(|part| is_done(&name(*part))).count() as u64
    };
    let mut steps = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let first = if index == 0 { "read" } else { "survivors" };
        let mut what = vec![first.to_owned()];
        what.extend(step.stages.iter().cloned());
        if index + 1 == plan.steps.len() {
            what.push("docs".into());
        }
        steps.push(StepPreview {
            what: what.join(" ▸ "),
            extent: format!("segment, {}", parts_text(parts)),
            parts_done: count(&|part| task(index, part)),
            cost: None,
        });
        for barrier in &step.barriers {
            steps.push(StepPreview {
                what: barrier.name.clone(),
                extent: "over all documents".into(),
                parts_done: 0,
                cost: barrier.stage.cost(documents, recipe.run.memory.as_u64() / 2),
            });
        }
    }
    if let Some(tokenizer) = &recipe.tokenizer {
        let what = match &tokenizer.file {
            Some(file) => format!("tokenizer {file}"),
            None => format!("train tokenizer, {} split", tokenizer.train.split),
        };
        let vocab_size =
            plan.tokenizer.as_ref().map_or(tokenizer.train.vocab_size, AnyTokenizer::vocab_size);
        let extent = format!("{vocab_size} tokens");
        steps.push(StepPreview {
            what,
            extent,
            parts_done: u64::from(is_done("tokenizer")),
            cost: None,
        });
    }
    if recipe.wants_shards {
        steps.push(StepPreview {
            what: "encode ▸ shards".into(),
            extent: parts_text(parts),
            parts_done: count(&tokens_task),
            cost: None,
        });
    }
    if let Some(table) = &recipe.pretrain {
        let row_tokens = table.train.batch_size * recipe.shards.sequence_length;
        steps.push(StepPreview {
            what: match &table.model {
                Some(_) => "pretrain the model".into(),
                None => format!("pretrain `{}`", table.preset),
            },
            extent: format!("{} steps of {row_tokens} tokens", table.train.steps),
            parts_done: u64::from(is_done("pretrain")),
            cost: None,
        });
    }
    let report = u64::from(is_done("report"));
    steps.push(StepPreview {
        what: "report".into(),
        extent: "one file".into(),
        parts_done: report,
        cost: None,
    });
    steps
}

fn parts_text(parts: usize) -> String {
    if parts == 1 { "1 part".into() } else { format!("{parts} parts") }
}
