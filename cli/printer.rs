//! Data goes to stdout, talk to stderr. This file alone prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the one place that prints")]

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::arguments::Common;

/// Where text goes, as the flags want it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    quiet: bool,
    json: bool,
    terminal: bool,
}

#[expect(clippy::unused_self, reason = "who prints has a printer, whatever it looks at")]
impl Printer {
    pub(crate) fn new(common: &Common) -> Self {
        Self { quiet: common.quiet, json: common.json, terminal: io::stderr().is_terminal() }
    }

    /// True when data is wanted as JSON.
    pub(crate) fn json(self) -> bool {
        self.json
    }

    /// True when progress may be drawn.
    pub(crate) fn draws(self) -> bool {
        self.terminal && !self.quiet
    }

    /// Talk: a line on stderr, unless quiet.
    pub(crate) fn say(self, line: impl Display) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    /// An error: always on stderr.
    pub(crate) fn error(self, text: impl Display) {
        eprintln!("{text}");
    }

    /// Data: a line on stdout.
    pub(crate) fn data(self, line: impl Display) {
        let mut stdout = io::stdout().lock();
        // A reader that has seen enough, as `head`, is no error.
        if writeln!(stdout, "{line}").is_err() {
            std::process::exit(0);
        }
    }

    /// Data as it comes, without an end of line.
    pub(crate) fn piece(self, text: &str) {
        print!("{text}");
        let _ = io::stdout().flush();
    }

    /// Data that may be no text, as it is.
    pub(crate) fn bytes(self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
    }

    /// Data as one JSON object with its schema's name.
    pub(crate) fn object(self, schema: &str, value: &impl Serialize) {
        let mut object = serde_json::Map::new();
        object.insert("schema".into(), format!("gristmill/{schema}/1").into());
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(value) {
            object.extend(fields);
        }
        self.data(serde_json::Value::Object(object));
    }
}

impl Printer {
    /// A printer for messages that no flag silences.
    pub(crate) fn for_panic() -> Self {
        Self { quiet: false, json: false, terminal: false }
    }
}
