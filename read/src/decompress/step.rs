//! What one call of a decoder did.

use super::damage::Damage;

/// What one call of a decoder did.
pub(crate) enum Step {
    /// It wrote this many bytes, at least one, all of one member.
    Data(usize),
    /// A member starts at this offset of the file.
    Member(u64),
    /// It lost something and stands where decompression can continue.
    Gap(Damage),
    /// The file is at its end.
    End,
}
