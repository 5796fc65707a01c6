//! SIGINT and SIGTERM: the first asks the run to stop at a safe point, the second ends it at once.
//! Either way the run directory is sound, and the same command goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether a signal has come.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Exit code of the second signal: stopped, run again to go on.
const STOPPED: i32 = 3;

impl Stop {
    /// Listens for signals from now on.
    pub(crate) fn listen() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: at the first signal the flag is still down, so that only the
            // second one exits. Where no handler can be set, a signal ends the process, which is
            // safe too.
            let _ = flag::register_conditional_shutdown(signal, STOPPED, stop.clone());
            let _ = flag::register(signal, stop.clone());
        }
        Self(stop)
    }

    /// True after the first signal.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
