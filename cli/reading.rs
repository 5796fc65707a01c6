//! What reading the inputs lost, for people and as an exit code.

use std::process::ExitCode;

use pipeline::{ReadReport, Recipe};

use crate::failure::CHECK_FAILED;
use crate::output::{counted, human_bytes, human_count};
use crate::printer::Printer;

/// The most files that are named.
const FILES_NAMED_MAX: usize = 10;

/// Says which files of a folder are not read.
pub(crate) fn tell_left_out(recipe: &Recipe, printer: Printer) {
    for source in &recipe.sources {
        if source.left_out.is_empty() {
            continue;
        }
        printer.say(format!(
            "  not read: {}: no format in {} name{} ({})",
            counted(source.left_out.len() as u64, "file"),
            if source.left_out.len() == 1 { "its" } else { "their" },
            if source.left_out.len() == 1 { "" } else { "s" },
            some(&source.left_out)
        ));
    }
}

/// Says what was lost, even if quiet. Returns the exit code: 1 if a whole file was lost, or if there
/// was no document at all.
pub(crate) fn tell(read: &ReadReport, printer: Printer) -> ExitCode {
    lines(read).iter().for_each(|line| printer.error(line));
    if read.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) }
}

fn lines(read: &ReadReport) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for reason in &read.quarantined {
        let detail =
            if reason.detail.is_empty() { String::new() } else { format!(" ({})", reason.detail) };
        lines.push(format!(
            "  quarantined: {} {}, first {} {}{detail}",
            human_count(reason.records),
            reason.reason,
            reason.path,
            reason.place
        ));
    }
    if !read.skipped.is_empty() {
        let reasons =
            read.skipped.iter().map(|(reason, n)| format!("{reason} {}", human_count(*n)));
        lines.push(format!("  skipped: {}", reasons.collect::<Vec<_>>().join(", ")));
    }
    if read.repaired > 0 {
        let documents = counted(read.repaired, "document");
        lines.push(format!("  repaired: {documents} with bytes that could not be decoded"));
    }
    for file in read.lost_files.iter().take(FILES_NAMED_MAX) {
        let (bytes, records) = (human_bytes(file.bytes), counted(file.records, "record"));
        lines.push(format!("  lost: all of {} ({bytes}, {records})", file.path));
    }
    if let Some(more) = read.lost_files.len().checked_sub(FILES_NAMED_MAX).filter(|n| *n > 0) {
        lines.push(format!("  lost: all of {} more", counted(more as u64, "file")));
    }
    if read.documents == 0 {
        lines.push("  nothing was read: the inputs hold no document".into());
    }
    lines
}

/// The first names of a list.
fn some(names: &[String]) -> String {
    let mut text = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 3 {
        text.push_str(", …");
    }
    text
}
