//! The run directory and the token shards.
//!
//! Everything that gristmill writes goes through this crate, and every file arrives in one way: a
//! temporary file in the same folder, written, synced, renamed, the folder synced, and only then a
//! line in the journal ([`Run`]). Readers trust the journal, and after the run the manifest, and
//! nothing else; so a run killed at any moment goes on where it was and ends with the same bytes.
//!
//! All disk access passes through [`Dir`], which a test replaces by one that loses, tears and fails
//! writes.

mod dir;
mod done;
mod error;
mod events;
mod fingerprint;
pub mod input;
mod journal;
mod lock;
mod manifest;
mod place;
mod publish;
mod run;
mod scratch;
pub mod shards;
#[cfg(test)]
mod tests;
mod verify;

pub use dir::{Dir, DirReader, DirWriter, LocalDir};
pub use error::StoreError;
pub use events::Events;
pub use fingerprint::{Difference, Fingerprint};
pub use journal::Entry;
pub use manifest::{FileEntry, Manifest};
pub use place::{check_place, move_dataset, move_file, move_folder, remove_run};
pub use publish::{OutputFile, Publication, digest, write_file};
pub use run::{Opened, Run, RunState};
pub use scratch::{Scratch, ScratchReader, ScratchWriter};
pub use verify::{Damage, Verdict, verify};

/// The crate's result.
pub type Result<T> = std::result::Result<T, StoreError>;
