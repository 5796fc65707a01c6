//! A stretch of a file that could not be decompressed.

use crate::fault::{Fault, FaultReason};

/// A stretch of the file that could not be decompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Kind of fault.
    pub(crate) reason: FaultReason,
    /// Offset in the file of the damaged member, or of the junk.
    pub(crate) member: u64,
    /// Offset in the file where decompression failed.
    pub(crate) failed: u64,
    /// Offset in the file where decompression continues: the next member or the end of the file.
    pub(crate) resume: u64,
    /// What was found, in a few words.
    pub(crate) detail: String,
}

impl Damage {
    /// The fault of a gap between records. Its offsets are those of the compressed file, from where
    /// decompression failed to where it continues. The `partial` decompressed bytes before the gap
    /// are lost, too.
    pub(crate) fn fault(self, ordinal: u32, partial: u64) -> Fault {
        let Self { reason, failed, resume, mut detail, .. } = self;
        if partial > 0 {
            detail = format!("{detail}; {partial} unpacked bytes before it are lost too");
        }
        // The search for the next member starts before the failure, so it may end before it, too.
        let offset = failed.min(resume);
        Fault { ordinal, offset, length: resume - offset, records: 1, reason, detail }
    }
}
