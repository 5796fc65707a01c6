//! Standard input as a file: it is read more than once, so it is copied to a temporary file.

use std::fs::File;
use std::io;
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::{InputFile, Location, STANDARD_INPUT};
use crate::{Result, StoreError};

/// A copy of standard input, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Spooled(NamedTempFile);

impl Spooled {
    pub(super) fn open(&self) -> io::Result<File> {
        self.0.reopen()
    }
}

/// Copies standard input to a file in the system's folder for temporary files (`$TMPDIR`).
///
/// # Errors
/// Standard input cannot be read, or the file cannot be written.
pub(super) fn file() -> Result<InputFile> {
    let failed = |error| StoreError::io("standard input", "copy to a temporary file", error);
    let mut file = NamedTempFile::new().map_err(failed)?;
    let bytes = io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
    Ok(InputFile {
        address: STANDARD_INPUT.into(),
        bytes,
        is_from_folder: false,
        location: Location::Spooled(Arc::new(Spooled(file))),
    })
}
