//! SIGINT and SIGTERM: the first asks the run to stop at a safe point, the second ends it at once.
//! Either way the run directory is intact, and the same command resumes the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::printer::STOPPED;

/// True once a signal has arrived.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Starts listening for signals.
    pub(crate) fn listen() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: at the first signal the flag is still unset, so only the second
            // one exits. If no handler can be installed, a signal ends the process, which is safe
            // too, so the error is ignored.
            let _ = flag::register_conditional_shutdown(signal, i32::from(STOPPED), stop.clone());
            let _ = flag::register(signal, stop.clone());
        }
        Self(stop)
    }

    /// True after the first signal.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
