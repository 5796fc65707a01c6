//! Charts as SVG.
//!
//! Charts use the colours of the light theme; the style sheet replaces them in the dark theme.
//! Each chart is drawn twice, for wide and for narrow screens, since its text scales with it.

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::error::{ReportError, Result};
use crate::format::{count, number};

/// Width and height of a chart on a desktop.
pub(crate) const WIDE: (u32, u32) = (880, 320);

/// Width and height of a chart on a phone.
pub(crate) const NARROW: (u32, u32) = (360, 260);

/// Colours of axes and labels, of grid lines, and of the data.
const INK: RGBColor = RGBColor(0x5C, 0x57, 0x50);
const GRID: RGBColor = RGBColor(0xE5, 0xE1, 0xDA);
const KEPT: RGBColor = RGBColor(0x0F, 0x76, 0x6E);
const FAINT: RGBColor = RGBColor(0x99, 0xC9, 0xC4);
const DROPPED: RGBColor = RGBColor(0xC2, 0x64, 0x0A);

/// Height of labels, and space for the axis labels, in pixels.
const LABEL: u32 = 15;
const BELOW: u32 = 42;
const LEFT: u32 = 52;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> =
    std::result::Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// The SVG text of what `draw` draws.
fn svg(size: (u32, u32), draw: impl for<'a> FnOnce(&Area<'a>) -> Drawn<'a>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).and_then(|()| area.present()).map_err(|error| ReportError::draw(&error))?;
    }
    Ok(svg)
}

/// The data of the loss chart; points are (step, nats per token).
pub(crate) struct LossCurve {
    /// Training loss of each step.
    pub(crate) points: Vec<(f64, f64)>,
    /// Smoothed training loss.
    pub(crate) smoothed: Vec<(f64, f64)>,
    /// Validation loss.
    pub(crate) validations: Vec<(f64, f64)>,
    /// The entropy of the token frequencies, drawn as a horizontal line.
    pub(crate) unigram_entropy: f64,
}

/// The loss chart; `None` if there are no steps.
pub(crate) fn loss(curve: &LossCurve, size: (u32, u32)) -> Result<Option<String>> {
    if curve.points.is_empty() {
        return Ok(None);
    }
    svg(size, |area| draw_loss(curve, size, area)).map(Some)
}

fn draw_loss<'a>(curve: &LossCurve, size: (u32, u32), area: &Area<'a>) -> Drawn<'a> {
    let all = || curve.points.iter().chain(&curve.validations).copied();
    let losses = || all().map(|(_, loss)| loss).chain([curve.unigram_entropy]);
    let steps = all().map(|(step, _)| step).fold(1.0, f64::max);
    let (low, high) = (losses().fold(f64::MAX, f64::min), losses().fold(f64::MIN, f64::max));
    let room = ((high - low) * 0.06).max(0.05);
    let digits = if high - low < 1.0 { 2 } else { 1 };
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(0.0..steps, low - room..high + room)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(("sans-serif", LABEL, &INK))
        .x_labels(size.0 as usize / 90)
        .y_labels(size.1 as usize / 50)
        .x_label_formatter(&|step| count(*step as u64))
        .y_label_formatter(&|loss| format!("{loss:.digits$}"))
        .x_desc("step")
        .axis_desc_style(("sans-serif", LABEL, &INK))
        .draw()?;
    chart.draw_series(curve.points.iter().map(|at| Circle::new(*at, 1, FAINT.filled())))?;
    let level = [(0.0, curve.unigram_entropy), (steps, curve.unigram_entropy)];
    chart.draw_series(DashedLineSeries::new(level, 6, 5, INK.stroke_width(1)))?;
    chart.draw_series(LineSeries::new(curve.smoothed.iter().copied(), KEPT.stroke_width(2)))?;
    let validations = || curve.validations.iter().copied();
    chart.draw_series(LineSeries::new(validations(), DROPPED.stroke_width(1)))?;
    chart.draw_series(validations().map(|at| Circle::new(at, 4, DROPPED.filled())))?;
    Ok(())
}

/// The chart of lengths: the number of documents with [2^k, 2^(k+1)) bytes, by k.
pub(crate) fn lengths(buckets: &[(u32, u64)], size: (u32, u32)) -> Result<String> {
    svg(size, |area| draw_lengths(buckets, size, area))
}

fn draw_lengths<'a>(buckets: &[(u32, u64)], size: (u32, u32), area: &Area<'a>) -> Drawn<'a> {
    let first = buckets.first().map_or(0, |(k, _)| *k) as i32;
    let last = buckets.last().map_or(0, |(k, _)| *k) as i32 + 1;
    let most = buckets.iter().map(|(_, documents)| *documents).max().unwrap_or(1).max(1);
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(first..last, 0..most + most.div_ceil(20))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(("sans-serif", LABEL, &INK))
        .x_labels(((last - first) as usize + 1).min(size.0 as usize / 45))
        .y_labels(size.1 as usize / 50)
        .x_label_formatter(&|k| power(*k))
        .y_label_formatter(&|documents| count(*documents))
        .x_desc("bytes of text")
        .axis_desc_style(("sans-serif", LABEL, &INK))
        .draw()?;
    chart.draw_series(buckets.iter().filter(|(_, documents)| *documents > 0).map(
        |(k, documents)| {
            let from = (*k as i32, 0);
            let mut bar = Rectangle::new([from, (from.0 + 1, *documents)], KEPT.filled());
            bar.set_margin(0, 0, 1, 1);
            bar
        },
    ))?;
    Ok(())
}

/// A cumulative distribution: points are (value, fraction of documents up to it), both ascending.
pub(crate) struct Curve {
    /// The name of the group of documents.
    pub(crate) name: String,
    /// The points.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Colours for the curves of several groups, distinguishable with colour blindness (Okabe and Ito
/// 2008).
const GROUPS: [RGBColor; 5] = [
    KEPT,
    DROPPED,
    RGBColor(0x56, 0x5F, 0xC4),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x8A, 0x7A, 0x12),
];

/// The axis is logarithmic if the largest value exceeds the median by more than this factor.
const SKEWED: f64 = 20.0;

/// The chart of cumulative distributions, one curve per group. It omits 1 % of the documents at
/// either end, since outliers would compress the rest.
pub(crate) fn shares(curves: &[Curve], size: (u32, u32)) -> Result<String> {
    let inner = || {
        let all = curves.iter().flat_map(|curve| &curve.points);
        all.filter(|(_, share)| (0.01..=0.99).contains(share)).map(|(value, _)| *value)
    };
    let (low, high) = (inner().fold(f64::MAX, f64::min), inner().fold(f64::MIN, f64::max));
    let middle = curves.first().and_then(|curve| curve.points.get(curve.points.len() / 2));
    let skewed = middle.is_some_and(|(median, _)| *median > 0.0 && high > SKEWED * median);
    svg(size, |area| {
        if low > high {
            Ok(())
        } else if skewed && high > 1.0 {
            draw_shares(curves, size, area, (low.max(1.0)..high * 1.05).log_scale())
        } else {
            draw_shares(curves, size, area, low..high + (high - low).max(1e-3) * 0.03)
        }
    })
}

fn draw_shares<'a, X>(
    curves: &[Curve],
    size: (u32, u32),
    area: &Area<'a>,
    values: impl AsRangedCoord<CoordDescType = X, Value = f64>,
) -> Drawn<'a>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(values, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(("sans-serif", LABEL, &INK))
        .x_labels(size.0 as usize / 90)
        .y_labels(6)
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
        .draw()?;
    draw_curves(&mut chart, curves)
}

/// Draws the curves and their names.
fn draw_curves<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    curves: &[Curve],
) -> Drawn<'a>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    for (curve, colour) in curves.iter().zip(GROUPS) {
        let line = LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2));
        let entry = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2));
        chart.draw_series(line)?.label(curve.name.clone()).legend(entry);
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(("sans-serif", LABEL, &INK))
        .draw()
}

/// The chart of bytes per token over vocabulary size, one curve per group.
pub(crate) fn efficiency(curves: &[Curve], size: (u32, u32)) -> Result<String> {
    svg(size, |area| draw_efficiency(curves, size, area))
}

fn draw_efficiency<'a>(curves: &[Curve], size: (u32, u32), area: &Area<'a>) -> Drawn<'a> {
    let all = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let (low, high) = all().fold((f64::MAX, 1.0), |(low, high), (x, _)| (x.min(low), x.max(high)));
    let most = all().map(|(_, y)| y).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .build_cartesian_2d((low.min(high)..high).log_scale().base(2.0), 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(("sans-serif", LABEL, &INK))
        .x_labels(size.0 as usize / 110)
        .y_labels(6)
        .x_label_formatter(&|tokens| count(*tokens as u64))
        .y_label_formatter(&|bytes| format!("{bytes:.1}"))
        .draw()?;
    draw_curves(&mut chart, curves)
}

/// 2^k bytes in the shortest notation.
fn power(k: i32) -> String {
    let unit = ["", " Ki", " Mi", " Gi", " Ti"].get(k as usize / 10).copied().unwrap_or(" Pi");
    format!("{}{unit}", 1_u64 << (k as u32 % 10))
}
