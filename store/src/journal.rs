//! The journal of a run in progress: one line with a checksum for each finished task.
//!
//! A line is `xxh3-of-the-rest SPACE json`. A line that was torn by a crash has a wrong checksum. It
//! is cut off when the journal is opened, with everything after it.

use std::io::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Dir, DirWriter, FileEntry, Fingerprint, Publication, Result, StoreError};

/// Name of the journal in the run directory; it is removed when the run is finished.
pub(crate) const JOURNAL: &str = "journal.jsonl";

/// A finished task: the files that it wrote, and its result for later tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The task's name, as `segment-0/part-00017`.
    pub task: String,
    /// The files that it published.
    pub files: Vec<FileEntry>,
    /// Counts and other small results.
    pub result: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Made { fingerprint: Fingerprint },
    Done(Entry),
}

/// The open journal. It has no writer after a failed write.
pub(crate) struct Journal {
    writer: Option<Box<dyn DirWriter>>,
}

/// The content of a journal when it was opened.
pub(crate) struct Replay {
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) entries: Vec<Entry>,
}

impl Journal {
    /// Reads the journal, cuts off a torn tail, and opens it for appending; `None` where there is no
    /// journal.
    pub(crate) fn open(dir: &Arc<dyn Dir>) -> Result<Option<(Self, Replay)>> {
        let bytes = match dir.read(JOURNAL) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(JOURNAL, "read", error)),
        };
        let (replay, valid_bytes) = replay(&bytes);
        if valid_bytes < bytes.len() {
            dir.truncate(JOURNAL, valid_bytes as u64)
                .map_err(|e| StoreError::io(JOURNAL, "truncate", e))?;
        }
        Ok(Some((Self::append(dir)?, replay)))
    }

    /// Starts a journal for a run made from `fingerprint`. It replaces an older one in one step.
    pub(crate) fn create(dir: &Arc<dyn Dir>, fingerprint: &Fingerprint) -> Result<Self> {
        let first = line(&Line::Made { fingerprint: fingerprint.clone() })?;
        Publication::new(dir.clone(), JOURNAL)?.finish_with(first.as_bytes())?;
        Self::append(dir)
    }

    fn append(dir: &Arc<dyn Dir>) -> Result<Self> {
        let writer = dir.append(JOURNAL).map_err(|e| StoreError::io(JOURNAL, "open", e))?;
        Ok(Self { writer: Some(writer) })
    }

    /// Records a finished task; durable on return.
    ///
    /// After a failure nothing more is recorded. Half a line may be in the file, and the next start
    /// would cut off a line after it as well.
    pub(crate) fn done(&mut self, entry: &Entry) -> Result<()> {
        let line = line(&Line::Done(entry.clone()))?;
        let io = |e| StoreError::io(JOURNAL, "write", e);
        let failed =
            || io(io::Error::other("an earlier write to it failed; run again to continue"));
        let mut writer = self.writer.take().ok_or_else(failed)?;
        writer.write_all(line.as_bytes()).and_then(|()| writer.sync()).map_err(io)?;
        self.writer = Some(writer);
        Ok(())
    }
}

/// A line of the journal, including the line break.
fn line(line: &Line) -> Result<String> {
    let json = serde_json::to_string(line).map_err(|e| StoreError::Unreadable {
        path: JOURNAL.into(),
        message: format!("a result cannot be written as JSON: {e}"),
    })?;
    Ok(format!("{:016x} {json}\n", xxh3_64(json.as_bytes())))
}

/// The valid lines, and how many bytes they take.
fn replay(bytes: &[u8]) -> (Replay, usize) {
    let mut replay = Replay { fingerprint: None, entries: Vec::new() };
    let mut valid_bytes = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match parse(line) {
            Some(Line::Made { fingerprint }) => replay.fingerprint = Some(fingerprint),
            Some(Line::Done(entry)) => replay.entries.push(entry),
            None => break,
        }
        valid_bytes += line.len();
    }
    (replay, valid_bytes)
}

/// A line of the journal; `None` when it is torn.
fn parse(line: &[u8]) -> Option<Line> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (check, json) = line.split_once(' ')?;
    let check = u64::from_str_radix(check, 16).ok()?;
    (check == xxh3_64(json.as_bytes())).then(|| serde_json::from_str(json).ok())?
}

/// True for a journal that a run started, whether or not its tail is torn.
pub(crate) fn is_ours(bytes: &[u8]) -> bool {
    replay(bytes).0.fingerprint.is_some()
}

/// The fingerprint and the finished tasks in a journal's bytes.
pub(crate) fn summary(bytes: &[u8]) -> (Option<Fingerprint>, Vec<Entry>) {
    let (replay, _) = replay(bytes);
    (replay.fingerprint, replay.entries)
}
