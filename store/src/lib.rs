//! The run directory, and all writing of files.
//!
//! Everything that gristmill writes goes through this crate, and every file is written in the same
//! way: to a temporary file in the same folder, which is synced and renamed; then the folder is
//! synced, and only then the journal gets a line ([`Run`]). Readers trust the journal, and once the
//! run is finished the manifest, and nothing else. So a run that is killed at any moment can be
//! resumed and ends with the same bytes.
//!
//! All disk access passes through [`Dir`]. Tests replace it by one that loses, tears and fails
//! writes.

mod dir;
mod done;
mod error;
mod events;
mod fingerprint;
mod identity;
pub mod input;
mod journal;
pub mod layout;
mod lock;
mod manifest;
mod observer;
mod place;
mod publish;
pub mod requests;
mod run;
mod scratch;
mod shared;
mod staged;
#[cfg(test)]
mod tests;
mod verify;

pub use dir::{Dir, DirReader, DirWriter, LocalDir};
pub use error::StoreError;
pub use events::Events;
pub use fingerprint::{Difference, Fingerprint};
pub use identity::IdentityReader;
pub use journal::Entry;
pub use manifest::{FileEntry, Manifest};
pub use observer::{Event, Logged, Observer, timed};
pub use place::{is_moving, move_file, move_folder, remove_run, replace_files};
pub use publish::{OutputFile, Publication, Publish, digest, is_good_name, is_hidden, write_file};
pub use run::{Opened, Run, RunFolder, RunState};
pub use scratch::{Scratch, ScratchReader, ScratchWriter};
pub use shared::{FolderLock, SharedFolder};
pub use staged::StagedFolder;
pub use verify::{Damage, Verdict, damaged_bytes, verify};

/// The crate's result.
pub type Result<T> = std::result::Result<T, StoreError>;
