//! What unpacking comes to: data, members, and stretches that are lost.

use super::fault::{Fault, FaultReason};

/// A stretch of the file that could not be unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// What is wrong.
    pub(super) reason: FaultReason,
    /// Offset in the file of the member that is damaged; for junk, of the junk.
    pub(super) member: u64,
    /// Offset in the file where unpacking failed.
    pub(super) failed: u64,
    /// Offset in the file where unpacking goes on: the next member or the end of the file.
    pub(super) resume: u64,
    /// What was found, in a few words.
    pub(super) detail: String,
}

impl Damage {
    /// The fault of a gap between records. Its offsets are those of the compressed file, from where
    /// unpacking failed to where it goes on; `partial` unpacked bytes before it are lost, too.
    pub(super) fn fault(self, ordinal: u32, partial: u64) -> Fault {
        let Self { reason, failed, resume, mut detail, .. } = self;
        if partial > 0 {
            detail = format!("{detail}; {partial} unpacked bytes before it are lost too");
        }
        // After a search that starts before the failure, the next member may too.
        let offset = failed.min(resume);
        Fault { ordinal, offset, length: resume - offset, reason, detail }
    }
}

/// What one call of a codec did.
pub(super) enum Step {
    /// It wrote so many bytes, at least one, all of one member.
    Data(usize),
    /// A member starts at this offset of the file.
    Member(u64),
    /// It lost something and stands where unpacking can go on.
    Gap(Damage),
    /// The file is at its end.
    End,
}
