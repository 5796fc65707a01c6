//! Input files: where an address leads, on disks and in object stores.
//!
//! Addresses mean the same everywhere. What exists is that file; a folder stands for the files
//! below it; anything else is a pattern (see [`resolve`]).

mod local;
mod pattern;
mod ranged;
mod remote;
mod standard_input;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;

use self::ranged::RangedReader;
use self::standard_input::Spooled;
use crate::{DirReader, Result, StoreError};

/// The address of standard input.
pub const STANDARD_INPUT: &str = "-";

/// One file of a source.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The path or URL to show to people.
    pub address: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether the file was found in a folder that was named. Then nobody has said that it holds
    /// documents.
    pub is_from_folder: bool,
    location: Location,
}

#[derive(Debug, Clone)]
enum Location {
    /// A path, with the device and the inode of the file.
    Local(PathBuf, (u64, u64)),
    /// Standard input, copied to a temporary file that is removed with its last owner.
    Spooled(Arc<Spooled>),
    Remote {
        store: Arc<dyn ObjectStore>,
        path: ObjectPath,
        version: String,
    },
}

/// The files that an address leads to, sorted by address; at least one. The address is a path, a
/// URL, a folder, a pattern over paths or URLs, or `-` for standard input.
///
/// In a pattern, `*` and `?` stand for characters of one name, `[ab]` for one of several
/// characters, `{a,b}` for one of several texts, and `**` for any folders. They do not match names
/// that begin with a dot, nor `_temporary` and `_SUCCESS`, unless the pattern spells these.
///
/// # Errors
/// [`StoreError::Input`] when nothing matches or the address cannot be used; or a folder cannot be
/// read.
pub fn resolve(address: &str) -> Result<Vec<InputFile>> {
    let mut files = match address.split_once("://") {
        _ if address == STANDARD_INPUT => vec![standard_input::file()?],
        None => local::resolve(address)?,
        Some(("file", path)) => local::resolve(path)?,
        Some((scheme, rest)) => remote::resolve(address, scheme, rest)?,
    };
    if files.is_empty() {
        return Err(refused(address, "matches no file"));
    }
    files.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(files)
}

/// The error for an address that cannot be used.
fn refused(address: &str, message: impl Into<String>) -> StoreError {
    StoreError::Input { address: address.into(), message: message.into() }
}

impl InputFile {
    /// Opens the file. The reader blocks, so it must not be used in asynchronous tasks.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(&self) -> io::Result<Box<dyn DirReader>> {
        match &self.location {
            Location::Local(path, _) => Ok(Box::new(File::open(path)?)),
            Location::Spooled(spooled) => Ok(Box::new(spooled.open()?)),
            Location::Remote { store, path, .. } => {
                Ok(Box::new(RangedReader::new(store.clone(), path.clone(), self.bytes)))
            }
        }
    }

    /// A text that is equal for all names of one file, whatever links lead to it.
    pub fn key(&self) -> String {
        match &self.location {
            Location::Local(_, (device, inode)) => format!("{device}/{inode}"),
            Location::Spooled(_) | Location::Remote { .. } => self.address.clone(),
        }
    }

    /// The version tag of a remote file; `None` for a local one.
    pub(crate) fn version(&self) -> Option<&str> {
        match &self.location {
            Location::Local(..) | Location::Spooled(_) => None,
            Location::Remote { version, .. } => Some(version),
        }
    }
}
