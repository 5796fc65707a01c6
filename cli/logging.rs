//! Warnings of the libraries on stderr; `GRISTMILL_LOG=debug` shows more.

use tracing_subscriber::EnvFilter;

/// The one environment variable of our own.
const VARIABLE: &str = "GRISTMILL_LOG";

/// Starts logging.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
}
