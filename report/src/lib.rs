//! The pages that gristmill draws: the report of a run, and the distributions of signals.
//!
//! A page is one file that opens offline. It holds no script and loads nothing, and a content
//! security policy tells the browser so. Whatever comes from data is escaped, and texts are masked.
//! Pages never say when, where or how fast something ran, so equal runs have equal pages.

mod chart;
mod error;
mod format;
mod page;
mod run_report;
pub mod stats;

pub use error::{ReportError, Result};
pub use format::number;
pub use run_report::{RunFiles, SourceFiles, Trained, html};
