//! `gristmill verify RUN`.

use std::process::ExitCode;

use store::Damage;

use crate::arguments::VerifyArguments;
use crate::failure::{CHECK_FAILED, Failure};
use crate::output::{counted, human_bytes};
use crate::printer::Printer;

pub(crate) fn main(arguments: &VerifyArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let verdict = store::verify(&arguments.run)?;
    let sound = verdict.damages.is_empty();
    if printer.json() {
        printer.object("verify", &verdict);
    } else {
        verdict.damages.iter().for_each(|damage| printer.data(describe(damage)));
        let files = counted(verdict.files as u64, "file");
        let bytes = human_bytes(verdict.bytes);
        if sound {
            printer.data(format!("{files}, {bytes}: as they were written"));
        } else {
            let n = verdict.damages.len();
            printer.data(format!("{files}, {bytes}: {n} damaged"));
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
}

fn describe(damage: &Damage) -> String {
    match damage {
        Damage::Missing { path } => format!("{path}: missing"),
        Damage::Size { path, expected_bytes, found_bytes } => {
            format!("{path}: {found_bytes} bytes, but {expected_bytes} were written")
        }
        Damage::Content { path, ranges } => {
            let ranges: Vec<String> =
                ranges.iter().map(|range| format!("{}..{}", range.start, range.end)).collect();
            format!("{path}: content differs in bytes {}", ranges.join(", "))
        }
        Damage::Extra { path } => format!("{path}: does not belong to this run"),
    }
}
