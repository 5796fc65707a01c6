//! The input files of a run, cut into parts.
//!
//! The cut depends only on the files, not on threads, memory or time. So part *i* is the same piece
//! of input on every machine.

use std::sync::Arc;

use bug::OrBug as _;
use rayon::prelude::*;
use read::{Lack, PartRange, ReadSeek, StreamPool, Survey, survey_parallel};
use store::IdentityReader;
use store::input::InputFile;

use crate::error::{PipelineError, Result};
use crate::lacking;
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
        check_fields(recipe)?;
        let max_window_log = window_log(recipe.run.memory.as_u64());
        let mut listed: Vec<(&str, SourceFile)> = recipe
            .sources
            .iter()
            .flat_map(|source| source.files.iter().map(|file| (source.name.as_str(), file.clone())))
            .collect();
        listed.iter_mut().for_each(|(_, file)| file.input.limits.max_window_log = max_window_log);
        let surveyed: Vec<(String, Survey)> = listed
            .par_iter()
            .map(|(_, file)| survey_file(file, identify))
            .collect::<Result<_>>()?;
        let mut files = Vec::new();
        let mut parts = PartBuilder::default();
        for ((source, file), (identity, survey)) in listed.into_iter().zip(surveyed) {
            let n_ranges = survey.parts.len() as u64;
            let bytes = file.file.bytes / n_ranges.max(1);
            let work_bytes = survey.decompressed_bytes.unwrap_or(bytes).max(bytes);
            for range in survey.parts {
                let piece = Piece { file: files.len() as u32, range, bytes };
                if n_ranges == 1 {
                    parts.add_whole(piece, work_bytes);
                } else {
                    parts.add_alone(piece);
                }
            }
            files.push(File { source: source.to_owned(), listed: file, identity });
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

/// The largest window of a zstd frame, as a power of two in bytes, that half of the memory holds.
/// 128 MiB is the least, since `zstd --ultra` needs that; 2 GiB is zstd's limit (`--long=31`).
fn window_log(memory_bytes: u64) -> u32 {
    (memory_bytes / 2).max(1).ilog2().clamp(27, 31)
}

/// Refuses a source with files that lack the text field, before any work.
fn check_fields(recipe: &Recipe) -> Result<()> {
    for (index, source) in recipe.sources.iter().enumerate() {
        let lack = |file: &SourceFile| {
            let failed =
                |error| PipelineError::Read { path: file.file.address.clone(), source: error };
            let lack = open(&file.file).and_then(|opened| read::lack(&file.input, opened));
            Ok(lack.map_err(failed)?.map(|lack| (file.file.address.clone(), lack)))
        };
        let found: Vec<Option<(String, Lack)>> =
            source.files.par_iter().map(lack).collect::<Result<_>>()?;
        let n_files = found.len();
        let lacks: Vec<(String, Lack)> = found.into_iter().flatten().collect();
        if let Some((message, help)) = lacking::refusal(&lacks, n_files) {
            return Err(recipe.document.error_at(&format!("source.{index}"), message, help).into());
        }
    }
    Ok(())
}

/// Cuts a file and, with `identify`, computes its digest in the same pass.
fn survey_file(file: &SourceFile, identify: bool) -> Result<(String, Survey)> {
    let failed = |source| PipelineError::Read { path: file.file.address.clone(), source };
    let identity = IdentityReader::new(&file.file);
    let open = || -> std::io::Result<Box<dyn ReadSeek>> {
        Ok(if identify { Box::new(identity.open()?) } else { open(&file.file)? })
    };
    let survey = survey_parallel(&file.input, &open, PART_BYTES).map_err(failed)?;
    let identity = if identify { identity.finish().map_err(failed)? } else { String::new() };
    Ok((identity, survey))
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
    /// Decompressed bytes of the open pieces, as far as they are known.
    open_bytes: u64,
}

impl PartBuilder {
    /// Adds a file that is one piece of `work_bytes` decompressed bytes.
    fn add_whole(&mut self, piece: Piece, work_bytes: u64) {
        if self.open_bytes + work_bytes > PART_BYTES || self.open.len() == PART_FILES_MAX {
            self.close();
        }
        self.open.push(piece);
        self.open_bytes += work_bytes;
    }

    /// Adds one of several pieces of a file; it is a part.
    fn add_alone(&mut self, piece: Piece) {
        self.close();
        self.open.push(piece);
        self.close();
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

    fn piece(file: u32, bytes: u64) -> Piece {
        Piece { file, range: PartRange::Whole, bytes }
    }

    proptest! {
        /// Every piece is in one part, in the order of the files; only whole files share parts, and
        /// only as long as they are small.
        #[test]
        fn parts_hold_all_pieces_in_order(
            files in prop::collection::vec((0..2 * PART_BYTES, any::<bool>()), 0..60),
        ) {
            let mut builder = PartBuilder::default();
            for (file, (bytes, is_whole)) in (0..).zip(&files) {
                if *is_whole {
                    builder.add_whole(piece(file, *bytes), *bytes);
                } else {
                    builder.add_alone(piece(file, *bytes));
                }
            }
            let parts = builder.finish();
            let order: Vec<u32> =
                parts.iter().flat_map(|part| part.pieces.iter().map(|piece| piece.file)).collect();
            prop_assert_eq!(order, (0..files.len() as u32).collect::<Vec<_>>());
            for part in &parts {
                prop_assert!(!part.pieces.is_empty());
                if part.pieces.len() > 1 {
                    prop_assert!(part.bytes() <= PART_BYTES);
                    prop_assert!(part.pieces.iter().all(|piece| files[piece.file as usize].1));
                }
            }
        }

        /// Neighbouring parts of whole files could not have been one part.
        #[test]
        fn small_files_share_parts(sizes in prop::collection::vec(0..PART_BYTES, 1..60)) {
            let mut builder = PartBuilder::default();
            for (file, bytes) in (0..).zip(&sizes) {
                builder.add_whole(piece(file, *bytes), *bytes);
            }
            let parts = builder.finish();
            for pair in parts.windows(2) {
                prop_assert!(pair[0].bytes() + pair[1].pieces[0].bytes > PART_BYTES);
            }
        }
    }
}
