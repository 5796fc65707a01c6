//! How a command fails: a message that points at its cause, and an exit code.
//!
//! 0 success · 1 a check failed · 2 wrong usage or configuration · 3 stopped, run again to
//! continue · 101 a bug.

use std::process::ExitCode;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};
use pipeline::{PipelineError, RecipeError};
use report::ReportError;
use shards::ShardError;
use sql::SqlError;
use store::StoreError;
use tables::TableError;
use training::TrainingError;

use crate::printer::{Printer, STOPPED};

/// A check failed: damage was found, or too much of the input is bad.
pub(crate) const CHECK_FAILED: u8 = 1;
/// The command or the recipe is wrong.
const USAGE: u8 = 2;
/// The program is wrong, not its input. A panic ends with the same code.
const BUG: u8 = 101;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    Training(#[from] TrainingError),
    #[error("{error}")]
    Query { error: SqlError, sql: String },
    #[error("{message}")]
    Usage { message: String, help: String },
}

/// Converts the errors of lower crates to those of the pipeline or of training.
macro_rules! failure_from {
    ($variant:ident: $($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error.into())
            }
        })+
    };
}

failure_from!(Pipeline: StoreError, SqlError, RecipeError, TableError, ReportError, bug::Bug);
failure_from!(Pipeline: encoder::EncoderError, tokenizer::TokenizerError, ShardError);
failure_from!(Training: model::ModelError, shards::formats::FormatError);

impl Failure {
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// Prints the message and returns the exit code.
    pub(crate) fn report(&self, printer: Printer) -> ExitCode {
        match self {
            Self::Pipeline(PipelineError::Stopped) | Self::Training(TrainingError::Stopped) => {
                printer.say(self);
            }
            _ => printer.error(self.render().trim_end()),
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            _ if bug::is_bug(self) => BUG,
            Self::Pipeline(error) if error.is_resumable() => STOPPED,
            Self::Training(error) if error.is_resumable() => STOPPED,
            Self::Pipeline(PipelineError::TooMuchBadData { .. }) => CHECK_FAILED,
            _ => USAGE,
        }
    }

    fn render(&self) -> String {
        let message = Message::of(self);
        let mut text = String::new();
        let handler =
            GraphicalReportHandler::new_themed(theme()).with_width(100).without_cause_chain();
        match handler.render_report(&mut text, &message) {
            Ok(()) => text,
            Err(_) => format!("error: {self}"),
        }
    }
}

fn theme() -> GraphicalTheme {
    use std::io::IsTerminal as _;
    let colour = std::io::stderr().is_terminal()
        && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() }
}

/// A failure as miette shows it.
#[derive(Debug)]
struct Message {
    text: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    label: Option<(String, std::ops::Range<usize>)>,
}

impl Message {
    fn of(failure: &Failure) -> Self {
        let plain =
            |text: String, help: Option<String>| Self { text, help, source: None, label: None };
        match failure {
            Failure::Pipeline(PipelineError::Recipe(error)) => Self {
                text: error.message.clone(),
                help: error.help.clone(),
                source: error.span.as_ref().map(|_| {
                    NamedSource::new(error.file.display().to_string(), error.text.clone())
                }),
                label: error.span.clone().map(|span| (error.label.clone(), span)),
            },
            Failure::Query { error: SqlError::Refused { message, span, help }, sql } => Self {
                text: message.clone(),
                help: help.clone(),
                source: span.as_ref().map(|_| NamedSource::new("query", sql.clone())),
                label: span.clone().map(|span| ("here".into(), span)),
            },
            Failure::Usage { message, help } => plain(message.clone(), Some(help.clone())),
            Failure::Pipeline(PipelineError::Store(StoreError::Changed { .. }))
            | Failure::Training(TrainingError::Store(StoreError::Changed { .. })) => {
                let help = "give another `--output`, or start over with `run --fresh`";
                plain(failure.to_string(), Some(help.into()))
            }
            other => plain(other.to_string(), None),
        }
    }
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Message {}

impl Diagnostic for Message {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (text, span) = self.label.as_ref()?;
        let label = LabeledSpan::new(Some(text.clone()), span.start, span.len());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Makes a panic report itself as a bug and say how to continue.
pub(crate) fn install_hooks() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        default(panic);
        let printer = Printer::for_panic();
        printer.error(
            "This is a bug in gristmill; please report it. Finished work is safe: the same command \
             continues from there.",
        );
    }));
}
