//! The few requests to an object store that a dataset needs. Each is repeated a limited number of
//! times.
//!
//! `object_store` itself repeats a request while the server answers 5xx or the connection breaks.
//! This module repeats requests whose failure that crate cannot see: an answer with the wrong length
//! or content, and a multipart upload that broke off.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart};
use store::StoreError;
use store::requests::{begin, credentials, wait};
use url::Url;

use crate::{Result, ShardError};

/// The most attempts at one request.
const ATTEMPTS_MAX: u32 = 5;

/// The pause before the second attempt. It doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// Bytes of one request or one part of an upload. S3 requires parts of at least 5 MiB.
pub(super) const PIECE_BYTES: u64 = 8 << 20;

/// Parts of one upload that are sent at the same time.
const PARTS_AT_ONCE: usize = 2;

/// A folder in an object store.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    address: String,
    pause_first: Duration,
    /// Added to errors when the environment has no credentials.
    hint: &'static str,
}

/// Why an attempt failed, and whether another one could succeed.
pub(super) enum Attempt {
    Again(String),
    Never(String),
    /// A request within the attempt failed for good.
    GivenUp(ShardError),
}

impl From<ShardError> for Attempt {
    fn from(error: ShardError) -> Self {
        Self::GivenUp(error)
    }
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Self {
        let is_final = matches!(
            error,
            Error::NotFound { .. }
                | Error::AlreadyExists { .. }
                | Error::Precondition { .. }
                | Error::PermissionDenied { .. }
                | Error::Unauthenticated { .. }
                | Error::InvalidPath { .. }
                | Error::NotImplemented { .. }
        );
        let message = error.to_string();
        if is_final { Self::Never(message) } else { Self::Again(message) }
    }
}

/// A range that was requested.
pub(super) struct Request {
    bytes: u64,
    answer: std::io::Result<Receiver<object_store::Result<Bytes>>>,
}

impl Request {
    /// Bytes that were requested.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Waits for the range; it is complete on return.
    pub(super) fn finish(self) -> std::result::Result<Bytes, Attempt> {
        let never = |error: &dyn std::fmt::Display| Attempt::Never(error.to_string());
        let answer = self.answer.map_err(|error| never(&error))?;
        let bytes = answer.recv().map_err(|error| never(&error))??;
        if bytes.len() as u64 == self.bytes {
            return Ok(bytes);
        }
        Err(Attempt::Again(format!("{} of {} bytes arrived", bytes.len(), self.bytes)))
    }
}

impl Objects {
    /// The folder at an address such as `s3://bucket/name`. Credentials come from the environment.
    ///
    /// # Errors
    /// [`StoreError::Input`] when the address cannot be used.
    pub(super) fn at(address: &str) -> Result<Self> {
        let address = address.trim_end_matches('/');
        let refused = |message: String| StoreError::Input { address: address.into(), message };
        let url = Url::parse(address).map_err(|e| refused(e.to_string()))?;
        let (store, prefix) = object_store::parse_url_opts(&url, credentials())
            .map_err(|e| refused(e.to_string()))?;
        let objects = Self::new(Arc::from(store), prefix, address, PAUSE_FIRST);
        Ok(Self { hint: hint(url.scheme(), &credentials()), ..objects })
    }

    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        prefix: ObjectPath,
        address: &str,
        pause_first: Duration,
    ) -> Self {
        Self { store, prefix, address: address.into(), pause_first, hint: "" }
    }

    pub(super) fn address(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    fn path(&self, name: &str) -> ObjectPath {
        self.prefix.clone().join(name)
    }

    fn failed(&self, name: &str, message: &str) -> ShardError {
        let message = format!("{message}{}", self.hint);
        StoreError::Input { address: self.address(name), message }.into()
    }

    /// Repeats a request until it succeeds, cannot succeed, or was made [`ATTEMPTS_MAX`] times.
    pub(super) fn attempt<T>(
        &self,
        name: &str,
        mut request: impl FnMut() -> std::result::Result<T, Attempt>,
    ) -> Result<T> {
        let mut pause = self.pause_first;
        let mut n_attempts = 1;
        loop {
            match request() {
                Ok(answer) => return Ok(answer),
                Err(Attempt::Again(_)) if n_attempts < ATTEMPTS_MAX => {
                    std::thread::sleep(pause);
                    pause *= 2;
                    n_attempts += 1;
                }
                Err(Attempt::Again(message)) => {
                    let message = format!("{message} (tried {n_attempts} times)");
                    return Err(self.failed(name, &message));
                }
                Err(Attempt::Never(message)) => return Err(self.failed(name, &message)),
                Err(Attempt::GivenUp(error)) => return Err(error),
            }
        }
    }

    /// Reads a small object; `None` when there is none. An object above `limit_bytes` is an error.
    pub(super) fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Bytes>> {
        self.attempt(name, || {
            let (store, path) = (self.store.clone(), self.path(name));
            let answer = ask(async move {
                let answer = store.get(&path).await?;
                let size = answer.meta.size;
                if size > limit_bytes {
                    return Ok((size, Bytes::new()));
                }
                Ok((size, answer.bytes().await?))
            });
            match answer {
                Ok((size, bytes)) if bytes.len() as u64 == size => Ok(Some(bytes)),
                Ok((size, _)) if size > limit_bytes => {
                    Err(Attempt::Never(format!("its {size} bytes are too many")))
                }
                Ok((size, bytes)) => {
                    Err(Attempt::Again(format!("{} of {size} bytes arrived", bytes.len())))
                }
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Requests a range of an object, without waiting for it.
    pub(super) fn begin(&self, name: &str, range: Range<u64>) -> Request {
        let (store, path) = (self.store.clone(), self.path(name));
        let bytes = range.end - range.start;
        Request { bytes, answer: begin(async move { store.get_range(&path, range).await }) }
    }

    /// Reads a range of an object; it is complete on return.
    pub(super) fn range(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> std::result::Result<Bytes, Attempt> {
        self.begin(name, range).finish()
    }

    /// Sends a file, in parts when it is large, and checks the size that arrived. Returns the size.
    pub(super) fn send(&self, file: &Path, name: &str) -> Result<u64> {
        self.attempt(name, || {
            let (store, path, file) = (self.store.clone(), self.path(name), file.to_owned());
            let (sent, arrived) = ask(async move {
                let sent = send_file(store.as_ref(), &path, &file).await?;
                Ok((sent, store.head(&path).await?.size))
            })?;
            if sent == arrived {
                return Ok(sent);
            }
            Err(Attempt::Again(format!("{arrived} of {sent} bytes arrived")))
        })
    }

    /// Creates a small object unless it exists. Returns true when the object has these bytes now: also
    /// when an earlier attempt wrote it and only the answer was lost.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        let payload = Bytes::copy_from_slice(bytes);
        self.attempt(name, || {
            let (store, path) = (self.store.clone(), self.path(name));
            let payload = PutPayload::from_bytes(payload.clone());
            let put = ask(async move {
                store.put_opts(&path, payload, PutMode::Create.into()).await.map(drop)
            });
            match put {
                Ok(()) => Ok(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                    let (store, path) = (self.store.clone(), self.path(name));
                    let size = ask(async move { store.head(&path).await })?.size;
                    if size != bytes.len() as u64 {
                        return Ok(false);
                    }
                    let found = self.read(name, size)?;
                    Ok(found.is_some_and(|found| found == bytes))
                }
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Removes an object, if there is one.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        self.attempt(name, || {
            let (store, path) = (self.store.clone(), self.path(name));
            match ask(async move { store.delete(&path).await }) {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// The hint for errors when the environment has no credentials. The store then asks the metadata
/// service of a cloud machine, whose error names neither the cause nor a remedy.
fn hint(scheme: &str, given: &[(String, String)]) -> &'static str {
    let has = |names: &[&str]| given.iter().any(|(name, _)| names.contains(&name.as_str()));
    match scheme {
        "s3" if !has(&[
            "aws_access_key_id",
            "aws_web_identity_token_file",
            "aws_container_credentials_relative_uri",
            "aws_container_credentials_full_uri",
            "aws_skip_signature",
        ]) =>
        {
            "; the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
             (AWS_SKIP_SIGNATURE=true reads public data without)"
        }
        "gs" if !given.iter().any(|(name, _)| name.starts_with("google_")) => {
            "; the environment has no GOOGLE_APPLICATION_CREDENTIALS \
             (GOOGLE_SKIP_SIGNATURE=true reads public data without)"
        }
        _ => "",
    }
}

/// Waits for an answer and keeps the store's own error, which tells whether to repeat the request.
fn ask<T: Send + 'static>(
    request: impl Future<Output = object_store::Result<T>> + Send + 'static,
) -> object_store::Result<T> {
    wait(async move { Ok(request.await) })
        .unwrap_or_else(|error| Err(Error::Generic { store: "runtime", source: error.into() }))
}

/// Sends a file and returns its size.
async fn send_file(
    store: &dyn ObjectStore,
    path: &ObjectPath,
    file: &Path,
) -> object_store::Result<u64> {
    use std::io::Read as _;
    let io = |error: std::io::Error| Error::Generic { store: "local", source: error.into() };
    let mut reader = std::fs::File::open(file).map_err(io)?;
    let size = reader.metadata().map_err(io)?.len();
    let mut piece = Vec::new();
    if size <= PIECE_BYTES {
        reader.read_to_end(&mut piece).map_err(io)?;
        store.put(path, piece.into()).await?;
        return Ok(size);
    }
    let upload = store.put_multipart(path).await?;
    let mut parts = WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES as usize);
    let mut sent = 0;
    let fill = async {
        loop {
            piece.clear();
            let n = reader.by_ref().take(PIECE_BYTES).read_to_end(&mut piece).map_err(io)?;
            if n == 0 {
                return Ok(());
            }
            parts.wait_for_capacity(PARTS_AT_ONCE).await?;
            parts.write(&piece);
            sent += n as u64;
        }
    };
    if let Err(error) = fill.await {
        // Parts of an abandoned upload are invisible but take space. This error matters less than the
        // one that is returned.
        let _ = parts.abort().await;
        return Err(error);
    }
    parts.finish().await?;
    Ok(sent)
}
