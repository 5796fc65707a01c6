//! Numbers and tables formatted for people.

use std::collections::BTreeMap;

use pipeline::Summary;
use shards::dataset::Split;
use tables::{Ledger, Outcome};

use crate::printer::Printer;

/// A number with thousands separators: `1,234,567`.
pub(crate) fn human_count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 file`, `1,234 files`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", human_count(number), if number == 1 { "" } else { "s" })
}

/// Bytes with a binary unit: `1.2 GiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().iec().to_string()
}

/// A fraction as a percentage.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

/// Aligns rows in columns: the first column to the left, the others (numbers) to the right.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The funnel of a finished run: the documents read, dropped by each stage, and kept.
pub(crate) fn funnel(ledger: &Ledger) -> Vec<String> {
    let read = ledger.outcome(Outcome::Read);
    let row = |name: &str, count: tables::Count| {
        vec![
            name.to_owned(),
            human_count(count.documents),
            percent(count.documents, read.documents),
            human_bytes(count.bytes),
        ]
    };
    let mut rows =
        vec![row("read", read), row("quarantined", ledger.outcome(Outcome::Quarantined))];
    let mut stages: Vec<(&str, &str)> = ledger
        .rows()
        .filter(|(account, _)| account.outcome == Outcome::Dropped)
        .map(|(account, _)| (account.stage.as_str(), account.reason.as_str()))
        .collect();
    stages.sort_unstable();
    stages.dedup();
    for (stage, reason) in stages {
        let count = ledger
            .total(|a| a.outcome == Outcome::Dropped && a.stage == stage && a.reason == reason);
        rows.push(row(&format!("dropped by {stage}: {reason}"), count));
    }
    rows.push(row("kept", ledger.outcome(Outcome::Kept)));
    columns(&rows)
}

/// The documents that stages dropped, one line per reason.
pub(crate) fn dropped(ledger: &Ledger) -> Vec<String> {
    let mut reasons: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (account, count) in ledger.rows().filter(|(a, _)| a.outcome == Outcome::Dropped) {
        *reasons.entry((&account.stage, &account.reason)).or_default() += count.documents;
    }
    let line = |((stage, reason), n): ((&str, &str), u64)| {
        format!("  dropped: {} by {stage}: {reason}", human_count(n))
    };
    reasons.into_iter().map(line).collect()
}

/// Prints the results of a run.
pub(crate) fn summary(summary: &Summary, printer: Printer) {
    if printer.json() {
        return json_summary(summary, printer);
    }
    let root = summary.root.display();
    if summary.was_finished {
        printer
            .data(format!("{root} is already finished; nothing was done (`--fresh` starts over)"));
        return;
    }
    printer.say("");
    funnel(&summary.ledger).iter().for_each(|line| printer.data(line));
    if let Some(shards) = &summary.shards {
        printer.data(format!(
            "\n  tokens   {} to learn from, {} held out, vocabulary {}",
            human_count(shards.tokens(Split::Train)),
            human_count(shards.tokens(Split::Validation)),
            human_count(shards.vocab_size as u64)
        ));
    }
    if let Some(model) = &summary.pretrained {
        let points = &model.summary.curve;
        if let (Some(first), Some(last), Some(valid)) =
            (points.steps.first(), points.steps.last(), points.validations.last())
        {
            printer.data(format!(
                "  model    {} parameters, loss {:.3} → {:.3}, validation {:.3} nats/token \
                 ({:.3} bits/byte), unigrams {:.3}",
                human_count(model.summary.n_parameters as u64),
                first.loss,
                last.loss,
                valid.evaluation.nats_per_token,
                valid.evaluation.bits_per_byte,
                model.unigram_entropy
            ));
        }
        let sample = model.sample.split_whitespace().collect::<Vec<_>>().join(" ");
        printer.data(format!("  sample   {sample}"));
    }
    printer.data(format!("  report   {root}/report.html"));
}

fn json_summary(summary: &Summary, printer: Printer) {
    let count = |outcome| {
        let count = summary.ledger.outcome(outcome);
        serde_json::json!({ "documents": count.documents, "bytes": count.bytes })
    };
    let tokens = |split| summary.shards.as_ref().map(|shards| shards.tokens(split));
    let mut object = serde_json::json!({
        "run": summary.root,
        "was_finished": summary.was_finished,
        "root": summary.manifest.root,
    });
    if let (Some(object), false) = (object.as_object_mut(), summary.was_finished) {
        object.insert("read".into(), count(Outcome::Read));
        object.insert("kept".into(), count(Outcome::Kept));
        object.insert("dropped".into(), count(Outcome::Dropped));
        object.insert("quarantined".into(), count(Outcome::Quarantined));
        object.insert("train_tokens".into(), tokens(Split::Train).into());
        object.insert("validation_tokens".into(), tokens(Split::Validation).into());
        let last = summary.pretrained.as_ref().and_then(|p| p.summary.curve.validations.last());
        let evaluation = last.map(|point| serde_json::json!(point.evaluation));
        object.insert("validation".into(), evaluation.unwrap_or(serde_json::Value::Null));
    }
    printer.object("run", &object);
}
