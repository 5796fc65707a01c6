//! `report.html`: what a run did, read from its directory.

mod ask;
mod curve;
mod documents;
mod drops;
mod facts;
mod funnel;
mod recipe;
#[cfg(test)]
mod tests;
mod tokenizer;
mod tokens;
mod training;

use minijinja::{Value, context};

use self::ask::Ask;
use self::facts::Facts;
use crate::error::Result;
use crate::format;
use crate::page::render;
pub use facts::{RunFiles, SourceFiles, Trained};

/// The template; the ending of its name turns escaping on.
const TEMPLATE: (&str, &str) = ("report.html", include_str!("report.html"));

/// Maximum number of files listed per source.
const FILES_NAMED_MAX: usize = 100;

/// Draws the report of a run as HTML. Everything but [`RunFiles`] is read from its directory; the
/// same run gives the same bytes.
///
/// # Errors
/// A file of the run cannot be read.
pub fn html(run: &RunFiles<'_>) -> Result<String> {
    let facts = Facts::read(run)?;
    let ask = Ask::open(run.root)?;
    let context = context! {
        name => run.name,
        sentence => funnel::sentence(&facts),
        funnel => funnel::steps(&facts),
        sources => funnel::sources(&facts),
        skipped => funnel::skipped(&facts),
        stages => drops::stages(&facts, &ask)?,
        quarantine => drops::quarantine(&facts, &ask)?,
        languages => documents::languages(&ask)?,
        lengths => documents::lengths(&ask)?,
        clusters => documents::clusters(&ask)?,
        tokenizer => tokenizer::section(&ask)?,
        tokens => tokens::section(&facts, &ask)?,
        training => training::section(&facts)?,
        inputs => run.sources.iter().map(inputs).collect::<Vec<Value>>(),
        recipe => facts.recipe.text,
    };
    render(TEMPLATE, context)
}

/// The files of one source that were read.
fn inputs(source: &SourceFiles<'_>) -> Value {
    let named = source.files.iter().take(FILES_NAMED_MAX).map(|(address, bytes)| {
        context! { name => format::file_name(address), bytes => *bytes }
    });
    context! {
        name => source.name,
        files => source.files.len(),
        bytes => source.files.iter().map(|(_, bytes)| *bytes).sum::<u64>(),
        unnamed => source.files.len().saturating_sub(FILES_NAMED_MAX),
        named => named.collect::<Vec<Value>>(),
    }
}
