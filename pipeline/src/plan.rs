//! The plan: segments of SQL stages with deduplication between them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use sql::{DOCUMENT, Files, Order, Resources, Segment, Session, StageText};

use crate::dedup::DedupStage;
use crate::error::Result;
use crate::recipe::{Recipe, SqlStage, StageKind, StageStep};

/// What a run does with documents: segment, deduplication, segment, …, always ending with a segment.
pub struct Plan {
    /// The steps, one more segment than deduplications.
    pub steps: Vec<PlanStep>,
    /// The columns of the kept documents.
    pub output: SchemaRef,
    /// The files that stages name, with their digests.
    pub files: Vec<(String, String)>,
}

/// SQL stages over each part, and the deduplication that follows them, if one does.
pub struct PlanStep {
    /// The names of the SQL stages, in order.
    pub stages: Vec<String>,
    /// The planned stages.
    pub segment: Segment,
    /// The deduplication stages after the segment, in order; empty for the last segment.
    pub dedup: Vec<PlannedDedup>,
}

/// A deduplication stage that can be run.
#[derive(Debug, Clone)]
pub struct PlannedDedup {
    /// Its name in the ledger.
    pub name: String,
    /// What it does.
    pub stage: DedupStage,
    /// Which document of a cluster survives.
    pub order: Order,
}

impl Plan {
    /// Plans all stages of a recipe: everything that can be refused is refused here.
    pub fn new(recipe: &Recipe) -> Result<Self> {
        let tokenizer = recipe.tokenizer_file.as_ref().map(|file| crate::tokens::load(file));
        let tokenizer = tokenizer.transpose()?.map(Arc::new);
        let files = Files::new(recipe.folder());
        let resources = Resources { tokenizer, files: files.clone() };
        let session = Session::new(recipe.run.memory.as_u64() as usize, &resources)?;
        let mut columns = DOCUMENT.clone();
        let mut steps = Vec::new();
        let mut rest: &[StageStep] = &recipe.stages;
        loop {
            let is_sql = |step: &StageStep| matches!(step.kind, StageKind::Sql(_));
            let n_sql = rest.iter().take_while(|step| is_sql(step)).count();
            let (sql, after) = rest.split_at(n_sql);
            let n_dedup = after.iter().take_while(|step| !is_sql(step)).count();
            let (dedup, after) = after.split_at(n_dedup);
            let segment = plan_segment(&session, &columns, sql)?;
            columns = segment.output().clone();
            let dedup = plan_dedup(recipe, &session, &columns, dedup)?;
            let last = dedup.is_empty();
            let stages = sql.iter().map(|step| step.name.clone()).collect();
            steps.push(PlanStep { stages, segment, dedup });
            if last {
                return Ok(Self { steps, output: columns, files: files.digests() });
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
            StageKind::Dedup(_) => None,
        })
        .collect();
    let texts: Vec<StageText> = stages.iter().map(|stage| stage.text.clone()).collect();
    Segment::plan(session, columns, &texts)
        .map_err(|(index, error)| stages[index].error(&error).into())
}

fn plan_dedup(
    recipe: &Recipe,
    session: &Session,
    columns: &SchemaRef,
    steps: &[StageStep],
) -> Result<Vec<PlannedDedup>> {
    let mut planned = Vec::new();
    for step in steps {
        let StageKind::Dedup(stage) = &step.kind else { continue };
        let order = Order::plan(session, &stage.keep, columns).map_err(|error| {
            let (message, help) = match error {
                sql::SqlError::Refused { message, help, .. } => (message, help),
                other => (other.to_string(), None),
            };
            let at = recipe.document.text.find(&stage.keep).map(|at| at..at + stage.keep.len());
            let message = format!("`keep` of stage `{}`: {message}", step.name);
            recipe.document.error(message, at, help)
        })?;
        planned.push(PlannedDedup { name: step.name.clone(), stage: stage.clone(), order });
    }
    Ok(planned)
}
