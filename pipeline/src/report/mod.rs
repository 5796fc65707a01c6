//! `report.html`: one file that opens offline and shows what a run did.
//!
//! It holds no script and asks for nothing from elsewhere, and a content security policy says so to
//! the browser. It tells what came out, never when, where or how fast, so that two runs of one recipe
//! have one report. Whatever comes from data is escaped, and masked where it is text.

mod ask;
pub(crate) mod chart;
mod documents;
mod drops;
pub(crate) mod format;
mod funnel;
mod tokenizer;
mod tokens;
mod training;

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use store::shards::ShardManifest;

use crate::error::{PipelineError, Result};
use crate::ledger::Ledger;
use crate::pretrain::Pretrained;
use crate::recipe::Recipe;
use ask::Ask;

/// The page; its name turns escaping on.
const TEMPLATE: (&str, &str) = ("report.html", include_str!("report.html"));

/// The style sheet of all our pages.
const STYLE: (&str, &str) = ("style.css", include_str!("style.css"));

/// Files of a source that are named, at most.
const FILES_NAMED_MAX: usize = 100;

/// What the report is made from; the tables below `root` are asked for the rest.
pub struct Facts<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The run directory.
    pub root: &'a Path,
    /// Documents and bytes by account.
    pub ledger: &'a Ledger,
    /// The shards, if any.
    pub shards: Option<&'a ShardManifest>,
    /// The model, if any.
    pub pretrained: Option<&'a Pretrained>,
}

/// The report's HTML; the same facts give the same bytes.
///
/// # Errors
/// A table of the run cannot be read.
pub fn html(facts: &Facts<'_>) -> Result<String> {
    let ask = Ask::open(facts.root)?;
    let context = context! {
        name => &facts.recipe.name,
        sentence => funnel::sentence(facts),
        funnel => funnel::steps(facts),
        sources => funnel::sources(facts),
        skipped => funnel::skipped(facts),
        stages => drops::stages(facts, &ask)?,
        quarantine => drops::quarantine(facts, &ask)?,
        languages => documents::languages(&ask)?,
        lengths => documents::lengths(&ask)?,
        clusters => documents::clusters(&ask)?,
        tokenizer => tokenizer::section(&ask)?,
        tokens => tokens::section(facts, &ask)?,
        training => training::section(facts)?,
        inputs => inputs(facts.recipe),
        recipe => facts.recipe.resolved_text(),
    };
    render(TEMPLATE, context)
}

/// The files that were read, source by source.
fn inputs(recipe: &Recipe) -> Vec<Value> {
    let source = |source: &crate::recipe::Source| {
        let named = source.files.iter().take(FILES_NAMED_MAX).map(|file| {
            context! {
                name => format::file_name(&file.file.address),
                bytes => file.file.bytes,
            }
        });
        context! {
            name => &source.name,
            files => source.files.len(),
            bytes => source.files.iter().map(|file| file.file.bytes).sum::<u64>(),
            unnamed => source.files.len().saturating_sub(FILES_NAMED_MAX),
            named => named.collect::<Vec<Value>>(),
        }
    };
    recipe.sources.iter().map(source).collect()
}

/// Fills in a template that has the style sheet and our filters at hand.
pub(crate) fn render((name, source): (&str, &str), context: Value) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Lines that hold a statement alone leave no empty line.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| failed(&error))?);
    environment.add_filter("count", format::count);
    environment.add_filter("bytes", format::bytes);
    environment.add_filter("percent", format::percent);
    environment.add_filter("decimals", format::decimals);
    let (style_name, style) = STYLE;
    environment.add_template(style_name, style).map_err(|error| failed(&error))?;
    let page = environment.template_from_named_str(name, source);
    page.and_then(|page| page.render(context)).map_err(|error| failed(&error))
}

/// The page or a chart cannot be drawn.
pub(crate) fn failed(error: &dyn std::fmt::Display) -> PipelineError {
    PipelineError::Report(format!("{error:#}"))
}

#[cfg(test)]
mod tests;
