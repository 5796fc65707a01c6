//! The input files of a run, cut into parts.
//!
//! The cut depends only on the files, not on threads, memory or time. So part *i* is the same piece
//! of input on every machine.

use std::sync::Arc;

use bug::OrBug as _;
use rayon::prelude::*;
use read::{PartRange, ReadSeek, StreamPool, survey_parallel};
use store::IdentityReader;
use store::input::InputFile;

use crate::error::{PipelineError, Result};
use crate::recipe::{Recipe, SourceFile};

/// Approximate size of a part in bytes of decompressed input. Small enough that an interrupted run
/// loses little work and all cores stay busy to the end. Large enough that opening a part's files
/// costs little in comparison.
pub(crate) const PART_BYTES: u64 = 8 << 20;

/// The most small files that share a part.
const PART_FILES_MAX: usize = 4096;

/// All input files of a run. The upper half of a `doc_id` is an index into this list.
pub(crate) struct Inputs {
    /// The files, grouped by source.
    pub(crate) files: Vec<File>,
    /// The parts, in the order of the files.
    pub(crate) parts: Vec<Part>,
    /// Compressed files that are still open, for the next part of the same file. Decompression
    /// cannot start in the middle, so reopening one would repeat work.
    pub(crate) streams: Arc<StreamPool>,
}

/// One file.
pub(crate) struct File {
    /// The name of its source.
    pub(crate) source: String,
    /// The file and how to read it.
    pub(crate) listed: SourceFile,
    /// Digest of its content; empty if it was not requested.
    pub(crate) identity: String,
}

/// Pieces of input that are processed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The pieces, in order.
    pub(crate) pieces: Vec<Piece>,
}

/// A range of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Index of the file.
    pub(crate) file: u32,
    /// The range.
    pub(crate) range: PartRange,
    /// Its approximate share of the stored (compressed) file in bytes.
    pub(crate) bytes: u64,
}

impl Inputs {
    /// Reads every file once to cut it and, with `identify`, to compute its digest.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn survey(recipe: &Recipe, identify: bool) -> Result<Self> {
        let listed: Vec<(&str, &SourceFile)> = recipe
            .sources
            .iter()
            .flat_map(|source| source.files.iter().map(|file| (source.name.as_str(), file)))
            .collect();
        let surveyed: Vec<(String, Vec<PartRange>)> = listed
            .par_iter()
            .map(|(_, file)| survey_file(file, identify))
            .collect::<Result<_>>()?;
        let mut files = Vec::new();
        let mut parts = PartBuilder::default();
        for ((source, file), (identity, ranges)) in listed.into_iter().zip(surveyed) {
            let bytes = file.file.bytes / (ranges.len() as u64).max(1);
            for range in ranges {
                parts.add(Piece { file: files.len() as u32, range, bytes });
            }
            files.push(File { source: source.to_owned(), listed: file.clone(), identity });
        }
        let streams = StreamPool::new(rayon::current_num_threads());
        Ok(Self { files, parts: parts.finish(), streams })
    }

    /// The file with index `index`.
    ///
    /// # Errors
    /// It is a bug if there is no such file.
    pub(crate) fn file(&self, index: u32) -> Result<&File> {
        Ok(self.files.get(index as usize).or_bug("the index of a file of the run")?)
    }

    /// The source of a document.
    ///
    /// # Errors
    /// It is a bug if the id belongs to no file.
    pub(crate) fn source_of(&self, doc_id: u64) -> Result<&str> {
        Ok(&self.file((doc_id >> 32) as u32)?.source)
    }

    /// Bytes of all files as stored (compressed).
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.listed.file.bytes).sum()
    }
}

impl Part {
    /// Bytes of its pieces as stored (compressed).
    pub(crate) fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes).sum()
    }
}

/// Cuts a file and, with `identify`, computes its digest in the same pass.
fn survey_file(file: &SourceFile, identify: bool) -> Result<(String, Vec<PartRange>)> {
    let failed = |source| PipelineError::Read { path: file.file.address.clone(), source };
    let identity = IdentityReader::new(&file.file);
    let open = || -> std::io::Result<Box<dyn ReadSeek>> {
        Ok(if identify { Box::new(identity.open()?) } else { open(&file.file)? })
    };
    let surveyed = survey_parallel(&file.input, &open, PART_BYTES).map_err(failed)?;
    let identity = if identify { identity.finish().map_err(failed)? } else { String::new() };
    Ok((identity, surveyed.parts))
}

/// Opens an input file for the readers.
///
/// # Errors
/// The file cannot be opened.
pub(crate) fn open(file: &InputFile) -> std::io::Result<Box<dyn ReadSeek>> {
    Ok(Box::new(file.open()?))
}

/// Combines small files into parts, since each part has its own output files.
#[derive(Default)]
struct PartBuilder {
    parts: Vec<Part>,
    open: Vec<Piece>,
    open_bytes: u64,
}

impl PartBuilder {
    fn add(&mut self, piece: Piece) {
        let bytes = piece.bytes;
        let full = self.open_bytes + bytes > PART_BYTES || self.open.len() == PART_FILES_MAX;
        if full || piece.range != PartRange::Whole {
            self.close();
        }
        let alone = piece.range != PartRange::Whole;
        self.open.push(piece);
        self.open_bytes += bytes;
        if alone {
            self.close();
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.parts.push(Part { pieces: std::mem::take(&mut self.open) });
            self.open_bytes = 0;
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.close();
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces() -> impl Strategy<Value = Vec<Piece>> {
        let range = prop_oneof![
            3 => Just(PartRange::Whole),
            1 => (0..100_u32).prop_map(|start| {
                PartRange::RowGroups { start, end: start + 1, first_ordinal: 0 }
            }),
        ];
        let piece = (range, 0..2 * PART_BYTES).prop_map(|(range, bytes)| (range, bytes));
        prop::collection::vec(piece, 0..60).prop_map(|pieces| {
            let numbered = (0..).zip(pieces);
            numbered.map(|(file, (range, bytes))| Piece { file, range, bytes }).collect()
        })
    }

    proptest! {
        /// Every piece is in one part, in the order of the files; only whole files share parts, and
        /// only as long as they are small.
        #[test]
        fn parts_hold_all_pieces_in_order(pieces in pieces()) {
            let mut builder = PartBuilder::default();
            pieces.iter().for_each(|piece| builder.add(piece.clone()));
            let parts = builder.finish();
            let all: Vec<Piece> = parts.iter().flat_map(|part| part.pieces.clone()).collect();
            prop_assert_eq!(&all, &pieces);
            for part in &parts {
                prop_assert!(!part.pieces.is_empty());
                if part.pieces.len() > 1 {
                    prop_assert!(part.bytes() <= PART_BYTES);
                    prop_assert!(part.pieces.iter().all(|piece| piece.range == PartRange::Whole));
                }
            }
        }

        /// Neighbouring parts of whole files could not have been one part.
        #[test]
        fn small_files_share_parts(sizes in prop::collection::vec(0..PART_BYTES, 1..60)) {
            let mut builder = PartBuilder::default();
            for (file, bytes) in (0..).zip(&sizes) {
                builder.add(Piece { file, range: PartRange::Whole, bytes: *bytes });
            }
            let parts = builder.finish();
            for pair in parts.windows(2) {
                prop_assert!(pair[0].bytes() + pair[1].pieces[0].bytes > PART_BYTES);
            }
        }
    }
}
