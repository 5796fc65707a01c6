//! Data goes to stdout, messages go to stderr. Only this file prints.
#![expect(clippy::print_stderr, reason = "the one place that prints")]

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::arguments::Common;

/// Exit code of work that was interrupted; the same command continues it.
pub(crate) const STOPPED: u8 = 3;

/// Prints as the flags require.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    quiet: bool,
    json: bool,
    terminal: bool,
}

#[expect(
    clippy::unused_self,
    reason = "every output goes through a printer, even if no flag matters"
)]
impl Printer {
    pub(crate) fn new(common: &Common) -> Self {
        Self { quiet: common.quiet, json: common.json, terminal: io::stderr().is_terminal() }
    }

    /// True if data is printed as JSON.
    pub(crate) fn json(self) -> bool {
        self.json
    }

    /// True if a progress bar may be drawn.
    pub(crate) fn draws(self) -> bool {
        self.terminal && !self.quiet
    }

    /// Prints a message as a line on stderr, unless quiet.
    pub(crate) fn say(self, line: impl Display) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// Prints an error on stderr, even if quiet.
    pub(crate) fn error(self, text: impl Display) {
        eprintln!("{text}");
    }

    /// Prints data as a line on stdout.
    pub(crate) fn data(self, line: impl Display) {
        let mut stdout = io::stdout().lock();
        check(writeln!(stdout, "{line}"));
    }

    /// Prints data without a line break and flushes it, so that text appears as it is generated.
    pub(crate) fn piece(self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Prints bytes unchanged; they need not be UTF-8.
    pub(crate) fn bytes(self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        check(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    /// Prints data as one JSON object that names its schema.
    pub(crate) fn object(self, schema: &str, value: &impl Serialize) {
        let mut object = serde_json::Map::new();
        object.insert("schema".into(), format!("gristmill/{schema}/1").into());
        let fields = serde_json::to_value(value);
        debug_assert!(matches!(fields, Ok(serde_json::Value::Object(_))), "{schema}: {fields:?}");
        if let Ok(serde_json::Value::Object(fields)) = fields {
            object.extend(fields);
        }
        self.data(serde_json::Value::Object(object));
    }
}

impl Printer {
    /// A printer for messages that no flag suppresses.
    pub(crate) fn for_panic() -> Self {
        Self { quiet: false, json: false, terminal: false }
    }
}

/// Ends the process when stdout accepts no more data.
///
/// A reader that has seen enough, such as `head`, is not an error. A full disk is: without this the
/// output would be cut short and the exit code would still be 0.
fn check(written: io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("cannot write to stdout: {error}; run the same command again");
    std::process::exit(i32::from(STOPPED));
}
