//! Logs the libraries' warnings to stderr; `GRISTMILL_LOG=debug` shows more.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The environment variable that sets the log level.
const VARIABLE: &str = "GRISTMILL_LOG";

/// Starts logging.
pub(crate) fn start() {
    // Directives that cannot be read are reported on stderr and ignored.
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .with_env_var(VARIABLE)
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
}
