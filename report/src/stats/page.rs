//! The distributions as a page: for each measure, the share of documents up to each value.

use minijinja::{Value, context};

use super::distribution::Distribution;
use super::measures::MEASURES;
use super::{By, Stats};
use crate::chart;
use crate::error::Result;
use crate::format::number;
use crate::page::render;

/// The template; the ending of its name turns escaping on.
const TEMPLATE: (&str, &str) = ("stats.html", include_str!("stats.html"));

/// Number of curves per chart: those of the largest groups.
const CURVES_MAX: usize = 5;

/// Number of points per curve.
const POINTS: usize = 100;

/// The page's HTML; the same distributions give the same bytes.
///
/// # Errors
/// A chart cannot be drawn.
pub fn page(stats: &Stats, by: By, name: &str) -> Result<String> {
    let groups = stats.groups(by)?;
    let documents: u64 = groups.iter().map(|(_, group)| group.documents).sum();
    let bytes: u64 = groups.iter().map(|(_, group)| group.bytes).sum();
    let shown = &groups[..groups.len().min(CURVES_MAX)];
    let listed = groups.iter().map(|(name, group)| {
        context! { name, documents => group.documents, bytes => group.bytes }
    });
    let is_measured =
        |index: &usize| shown.iter().any(|(_, group)| group.quantile(*index, 0.5).is_some());
    let measures = (0..MEASURES.len()).filter(is_measured).map(|index| measure(shown, index));
    let context = context! {
        name,
        documents,
        bytes,
        damaged => stats.damaged,
        groups => listed.collect::<Vec<Value>>(),
        measures => measures.collect::<Result<Vec<Value>>>()?,
    };
    render(TEMPLATE, context)
}

/// A measure's chart and the quantiles of each group.
fn measure(groups: &[(String, Distribution)], index: usize) -> Result<Value> {
    let curves: Vec<chart::Curve> = groups
        .iter()
        .map(|(name, group)| chart::Curve { name: name.clone(), points: points(group, index) })
        .collect();
    let rows = groups.iter().map(|(name, group)| {
        let quantiles = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
            .map(|q| group.quantile(index, q).map_or_else(|| "–".to_owned(), number));
        context! { name, quantiles }
    });
    let svg = |size| chart::shares(&curves, size).map(Value::from_safe_string);
    Ok(context! {
        name => MEASURES[index].name,
        doc => MEASURES[index].doc,
        wide => svg(chart::WIDE)?,
        narrow => svg(chart::NARROW)?,
        rows => rows.collect::<Vec<Value>>(),
    })
}

/// (value, share of documents that do not exceed it).
fn points(group: &Distribution, index: usize) -> Vec<(f64, f64)> {
    let at = |i: usize| i as f64 / POINTS as f64;
    (0..=POINTS).filter_map(|i| Some((group.quantile(index, at(i))?, at(i)))).collect()
}
