//! datatrove
use store::{FileEntry, Scratch};
use super::barrier::Barrier;
use super::clusters::Member;
use super::stage::MinHashOptions;
use crate::error::Result;
pub(super) fn find(barrier: &Barrier<'_>, _: &MinHashOptions, own_files: usize, scratch: &Scratch) -> Result<(Vec<Member>, Vec<FileEntry>)> {
    Ok((super::cluster::find(barrier, own_files, scratch)?, Vec::new()))
}
