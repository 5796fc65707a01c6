//! `gristmill stats SOURCE…`.

use std::path::Path;
use std::process::ExitCode;

use pipeline::Recipe;
use pipeline::recipe::{Paths, RecipeTables, SourceTable};
use report::stats::{By, MEASURES, Row, Stats, page};

use crate::arguments::{Common, ReadingArguments, StatsArguments, StatsBy};
use crate::failure::Failure;
use crate::output::{columns, human_bytes, human_count};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::reading;
use crate::run::{apply_common, load};

pub(crate) fn main(
    arguments: &StatsArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    check_measures(&arguments.measures)?;
    let recipe = recipe(arguments, common)?;
    reading::tell_left_out(&recipe, printer);
    let (stats, read) = pipeline::measure(&recipe, &arguments.measures, &Progress::new(printer))?;
    let by = match arguments.by {
        StatsBy::All => By::All,
        StatsBy::Source => By::Source,
        StatsBy::Language => By::Language,
        StatsBy::SourceLanguage => By::SourceAndLanguage,
    };
    let wanted = |row: &Row| {
        arguments.measures.is_empty() || arguments.measures.iter().any(|name| name == row.measure)
    };
    let rows: Vec<Row> = stats.rows(by)?.into_iter().filter(wanted).collect();
    if printer.json() {
        for row in &rows {
            printer.object("stats", row);
        }
    } else {
        show(&stats, by, &rows, arguments.groups, printer)?;
    }
    if let Some(output) = &arguments.output {
        let names = arguments.sources.iter().filter_map(|source| Path::new(source).file_name());
        let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
        let html = page(&stats, by, &names.join(", "))?;
        store::write_file(output, html.as_bytes())?;
        printer.say(format!("  plots → {}", output.display()));
    }
    Ok(reading::tell(&read, printer))
}

fn check_measures(names: &[String]) -> Result<(), Failure> {
    let known = || MEASURES.iter().map(|measure| measure.name);
    match names.iter().find(|name| !known().any(|known| known == name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(Failure::usage(
            format!("there is no measure `{unknown}`"),
            match sql::nearest(unknown, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the measures are {}", known().collect::<Vec<_>>().join(", ")),
            },
        )),
    }
}

/// The recipe whose sources to measure.
fn recipe(arguments: &StatsArguments, common: &Common) -> Result<Recipe, Failure> {
    let sources = &arguments.sources;
    let is_recipe = |path: &str| Path::new(path).extension().is_some_and(|e| e == "toml");
    if let [only] = sources.as_slice()
        && is_recipe(only)
    {
        return load(Path::new(only), None, common);
    }
    let mut recipe = RecipeTables::default();
    for source in sources {
        if is_recipe(source) {
            let message =
                format!("{source} is a recipe, which cannot be combined with other sources");
            return Err(Failure::usage(
                message,
                "give a single recipe, or only files and run directories",
            ));
        }
        recipe.sources.push(source_table(source, recipe.sources.len(), &arguments.reading));
    }
    let mut recipe = Recipe::from_tables(recipe)?;
    apply_common(&mut recipe, common)?;
    Ok(recipe)
}

/// A source named after its file. For a run directory it reads the kept documents.
fn source_table(source: &str, before: usize, reading: &ReadingArguments) -> SourceTable {
    let is_run = Path::new(source).join("docs").is_dir();
    let path = if is_run { format!("{source}/docs/*.parquet") } else { source.to_owned() };
    let stem = Path::new(source).file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.split('.').next().unwrap_or("");
    let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mut name: String = stem.chars().map(keep).collect();
    if before > 0 || name.is_empty() {
        name = format!("{name}-{}", before + 1);
    }
    if is_run {
        return SourceTable { name, path: Paths::One(path), ..SourceTable::default() };
    }
    reading.source(&name, Paths::One(path))
}

/// Prints one table per measure, with one line per group.
fn show(
    stats: &Stats,
    by: By,
    rows: &[Row],
    groups_max: usize,
    printer: Printer,
) -> Result<(), Failure> {
    let groups = stats.groups(by)?;
    for (name, group) in groups.iter().take(groups_max) {
        let documents = human_count(group.documents);
        printer.data(format!("{name}: {documents} documents, {}", human_bytes(group.bytes)));
    }
    if groups.len() > groups_max {
        printer.data(format!("and {} smaller groups (see --groups)", groups.len() - groups_max));
    }
    let shown: Vec<&str> = groups.iter().take(groups_max).map(|(name, _)| name.as_str()).collect();
    for measure in MEASURES.iter() {
        let of_measure: Vec<&Row> = rows
            .iter()
            .filter(|row| row.measure == measure.name && shown.contains(&row.group.as_str()))
            .collect();
        if !of_measure.is_empty() {
            printer.data(format!("\n{}  {}", measure.name, measure.doc));
            lines(&of_measure).iter().for_each(|line| printer.data(line));
        }
    }
    Ok(())
}

fn lines(rows: &[&Row]) -> Vec<String> {
    let heads = ["", "min", "1 %", "5 %", "25 %", "50 %", "75 %", "95 %", "99 %", "max", "mean"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    for row in rows {
        let values = [
            row.min, row.p1, row.p5, row.p25, row.p50, row.p75, row.p95, row.p99, row.max, row.mean,
        ];
        let mut line = vec![row.group.clone()];
        line.extend(values.map(report::number));
        lines.push(line);
    }
    columns(&lines)
}
