//! The HTML pages that gristmill writes: the report of a run, and the distributions of signals.
//!
//! A page is a single file that works offline. It has no scripts and loads nothing, which a content
//! security policy enforces. All data is escaped, and personal data in texts is masked. Pages never
//! contain times, paths of the machine or speeds, so equal runs give equal pages.

mod chart;
mod error;
mod format;
mod page;
mod run_report;
pub mod stats;

pub use error::{ReportError, Result};
pub use format::number;
pub use run_report::{RunFiles, SourceFiles, Trained, html};
