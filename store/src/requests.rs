//! Requests to object stores: the runtime that carries them out, and the credentials.

use std::io;
use std::sync::LazyLock;
use std::sync::mpsc::Receiver;

use tokio::runtime::Runtime;

/// Runs the requests; the threads that make them block until the answer is there.
static REQUESTS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
});

/// Runs a request to its end.
///
/// The calling thread may itself belong to a runtime, and no runtime may be entered from within
/// another. So the request runs on a thread of this module's runtime.
///
/// # Errors
/// The object store's error, or that the runtime cannot be started.
pub fn wait<T: Send + 'static>(
    request: impl Future<Output = object_store::Result<T>> + Send + 'static,
) -> io::Result<T> {
    begin(request)?.recv().map_err(io::Error::other)?.map_err(io::Error::other)
}

/// Starts a request; its answer arrives through the channel.
///
/// # Errors
/// The runtime cannot be started.
pub fn begin<T: Send + 'static>(
    request: impl Future<Output = T> + Send + 'static,
) -> io::Result<Receiver<T>> {
    let runtime =
        REQUESTS.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (sender, answer) = std::sync::mpsc::sync_channel(1);
    runtime.spawn(async move {
        // This fails when the caller dropped the receiver; nobody waits for the answer then.
        let _ = sender.send(request.await);
    });
    Ok(answer)
}

/// The environment variables that `object_store` reads, their names in lower case.
#[expect(clippy::disallowed_methods, reason = "credentials come from the environment")]
pub fn credentials() -> Vec<(String, String)> {
    std::env::vars()
        .map(|(name, value)| (name.to_lowercase(), value))
        .filter(|(name, _)| {
            ["aws_", "azure_", "google_"].iter().any(|prefix| name.starts_with(prefix))
        })
        .collect()
}
