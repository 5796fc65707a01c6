//! The plan: segments of SQL stages with barrier stages between them.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use barrier::PlannedBarrier;
use encoder::AnyTokenizer;
use read::Format;
use sql::{DOCUMENT, Files, Order, Resources, Segment, Session, StageText};

use crate::error::Result;
use crate::recipe::{Recipe, SqlStage, StageKind, StageStep};
use crate::tokens::can_group;

/// The processing of documents: segment, barrier stages, segment, … The last step is always a
/// segment.
pub(crate) struct Plan {
    /// The steps; the last has no barrier stages.
    pub(crate) steps: Vec<PlanStep>,
    /// The earlier runs and files that stages use, with their digests.
    pub(crate) files: Vec<(String, String)>,
    /// The tokenizer that the recipe names.
    pub(crate) tokenizer: Option<AnyTokenizer>,
}

/// SQL stages, which process each part, and the barrier stages that follow them.
pub(crate) struct PlanStep {
    /// The names of the SQL stages, in order.
    pub(crate) stages: Vec<String>,
    /// The planned stages.
    pub(crate) segment: Segment,
    /// The barrier stages after the segment, in order; empty for the last segment. Only the last of
    /// them may rewrite texts.
    pub(crate) barriers: Vec<PlannedBarrier>,
    /// Whether the segment's documents are written. If the segment has no stages and the inputs are
    /// quick to read, they are read again instead.
    pub(crate) stores: bool,
}

impl Plan {
    /// The file of part `part`'s documents after step `step`.
    pub(crate) fn documents_path(&self, step: usize, part: usize) -> String {
        if step + 1 == self.steps.len() {
            format!("docs/part-{part:05}.parquet")
        } else {
            format!("work/segment-{step}/part-{part:05}.parquet")
        }
    }

    /// Plans all stages of a recipe. All checks are made here, before any work.
    ///
    /// # Errors
    /// A stage cannot be planned, or a tokenizer or an earlier run that the recipe names cannot be
    /// used.
    pub(crate) fn new(recipe: &Recipe) -> Result<Self> {
        let tokenizer = recipe.tokenizer_file.as_ref().map(|file| AnyTokenizer::load(file));
        let tokenizer = tokenizer.transpose()?;
        let files = Files::new(recipe.folder());
        let resources = Resources { tokenizer: tokenizer.clone(), files: files.clone() };
        let session = Session::new(recipe.run.memory.as_u64() as usize, &resources)?;
        let mut columns = DOCUMENT.clone();
        let mut steps = Vec::new();
        let mut runs = Vec::new();
        let mut rest: &[StageStep] = &recipe.stages;
        loop {
            let is_sql = |step: &StageStep| matches!(step.kind, StageKind::Sql(_));
            let n_sql = rest.iter().take_while(|step| is_sql(step)).count();
            let (sql, after) = rest.split_at(n_sql);
            let n_barriers = barriers_of_one_pass(after);
            let (barriers, after) = after.split_at(n_barriers);
            let segment = plan_segment(&session, &columns, sql)?;
            let planned = plan_barriers(recipe, &session, segment.output(), barriers)?;
            runs.extend(earlier_runs(recipe, barriers, &planned)?);
            columns = columns_after(segment.output(), &planned);
            let last = planned.is_empty();
            let stages: Vec<String> = sql.iter().map(|step| step.name.clone()).collect();
            let stores = !(steps.is_empty() && stages.is_empty() && !last && is_quick(recipe));
            steps.push(PlanStep { stages, segment, barriers: planned, stores });
            if last {
                runs.extend(files.digests());
                check_groups(recipe, &columns)?;
                return Ok(Self { steps, files: runs, tokenizer });
            }
            rest = after;
        }
    }
}

fn plan_segment(session: &Session, columns: &SchemaRef, steps: &[StageStep]) -> Result<Segment> {
    let stages: Vec<&SqlStage> = steps
        .iter()
        .filter_map(|step| match &step.kind {
            StageKind::Sql(stage) => Some(stage),
            StageKind::Barrier(_) => None,
        })
        .collect();
    let texts: Vec<StageText> = stages.iter().map(|stage| stage.text.clone()).collect();
    Segment::plan(session, columns, &texts)
        .map_err(|(index, error)| stages[index].error(&error).into())
}

/// Checks that the kept documents have the column that words are grouped by.
fn check_groups(recipe: &Recipe, columns: &SchemaRef) -> Result<()> {
    let Some(table) = recipe.tokenizer.as_ref().filter(|_| recipe.tokenizer_file.is_none()) else {
        return Ok(());
    };
    if can_group(columns, &table.by) {
        return Ok(());
    }
    let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    let message = format!(
        "`by` of the tokenizer: the kept documents have no column `{}` of strings",
        table.by
    );
    let help = format!("their columns are {}", names.join(", "));
    Err(recipe.document.error_at_value("tokenizer.by", message, Some(help)).into())
}

/// The earlier runs that stages use, with their digests.
fn earlier_runs(
    recipe: &Recipe,
    steps: &[StageStep],
    stages: &[PlannedBarrier],
) -> Result<Vec<(String, String)>> {
    let mut runs = Vec::new();
    for (step, planned) in steps.iter().zip(stages) {
        let found = planned.stage.known(&planned.name, recipe.folder()).map_err(|unusable| {
            let message = format!("`against` of stage `{}`: {}", planned.name, unusable.message);
            let path = format!("{}.with.against", step.place);
            recipe.document.error_at_value(&path, message, None)
        })?;
        runs.extend(found.into_iter().map(|run| (format!("run {}", run.name), run.digest)));
    }
    Ok(runs)
}

/// The number of barrier stages at the start of `steps` that can share a pass. A stage that
/// rewrites texts ends the pass, because later stages must see the new texts.
fn barriers_of_one_pass(steps: &[StageStep]) -> usize {
    let mut n = 0;
    for step in steps {
        let StageKind::Barrier(stage) = &step.kind else { break };
        n += 1;
        if stage.rewrites() {
            break;
        }
    }
    n
}

/// True if reading the inputs again costs no more than storing their documents. That is the case
/// unless text must be extracted from HTML.
fn is_quick(recipe: &Recipe) -> bool {
    let mut files = recipe.sources.iter().flat_map(|source| &source.files);
    files.all(|file| file.input.format != Format::Warc)
}

fn plan_barriers(
    recipe: &Recipe,
    session: &Session,
    columns: &SchemaRef,
    steps: &[StageStep],
) -> Result<Vec<PlannedBarrier>> {
    let mut planned = Vec::new();
    for step in steps {
        let StageKind::Barrier(stage) = &step.kind else { continue };
        stage.check(recipe.run.memory).map_err(|error| {
            let path = format!("{}.with.{}", step.place, error.key);
            let message = format!("stage `{}`: {}", step.name, error.message);
            recipe.document.error_at(&path, message, error.help)
        })?;
        let plan = |key: &str, list: &str| {
            Order::plan(session, list, columns).map_err(|error| {
                let (message, help) = match error {
                    sql::SqlError::Refused { message, help, .. } => (message, help),
                    other => (other.to_string(), None),
                };
                let message = format!("`{key}` of stage `{}`: {message}", step.name);
                let path = format!("{}.with.{key}", step.place);
                recipe.document.error_at_value(&path, message, help)
            })
        };
        planned.push(PlannedBarrier {
            name: step.name.clone(),
            order: stage.keep().map(|keep| plan("keep", keep)).transpose()?,
            values: stage.expression().map(|on| plan("on", on)).transpose()?,
            stage: stage.clone(),
        });
    }
    Ok(planned)
}

/// The columns of documents after `stages`, given the `columns` before them.
fn columns_after(columns: &SchemaRef, stages: &[PlannedBarrier]) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = columns.fields().to_vec();
    let mut put = |added: Field| {
        fields.retain(|field| field.name() != added.name());
        fields.push(Arc::new(added));
    };
    for planned in stages {
        planned.stage.columns().into_iter().for_each(&mut put);
    }
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;
    use crate::recipe::StageKind;
    use barrier::load;

    fn step(kind: &str) -> StageStep {
        let stage = load(kind, &std::collections::BTreeMap::new()).unwrap().unwrap();
        StageStep { name: kind.into(), kind: StageKind::Barrier(stage), place: "stage.0".into() }
    }

    fn planned(kind: &str) -> PlannedBarrier {
        let stage = load(kind, &std::collections::BTreeMap::new()).unwrap().unwrap();
        PlannedBarrier { name: kind.into(), stage, order: None, values: None }
    }

    #[test]
    fn a_stage_that_rewrites_texts_is_the_last_of_its_pass() {
        let passes = |kinds: &[&str]| {
            let steps: Vec<StageStep> = kinds.iter().map(|kind| step(kind)).collect();
            barriers_of_one_pass(&steps)
        };
        assert_eq!(passes(&["exact", "bloom", "minhash"]), 3);
        assert_eq!(passes(&["exact", "lines", "minhash"]), 2);
        assert_eq!(passes(&["substrings", "lines"]), 1);
        assert_eq!(passes(&[]), 0);
    }

    #[test]
    fn each_barrier_adds_its_columns_once() {
        let text = Field::new("text", DataType::Utf8, false);
        let columns: SchemaRef = Arc::new(Schema::new(vec![text]));
        let stages = ["exact", "minhash", "bloom", "lines"].map(planned);
        let after = columns_after(&columns, &stages);
        let names: Vec<&str> = after.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["text", "cluster_size", "repeated_lines", "repeated_line_bytes"]);
    }
}
