//! A file as the parquet crate reads it.

use std::io::{self, Read, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::read_seek::ReadSeek;

/// A file from which the parquet crate reads pieces.
#[derive(Clone)]
pub(crate) struct SharedFile {
    state: Arc<Mutex<FileState>>,
    length: u64,
}

struct FileState {
    source: Box<dyn ReadSeek>,
    /// The first error of the file itself. The parquet crate does not distinguish it from errors of
    /// the data.
    error: Option<io::Error>,
}

impl SharedFile {
    /// Shares `source`.
    pub(crate) fn new(mut source: Box<dyn ReadSeek>) -> io::Result<Self> {
        let length = source.seek(SeekFrom::End(0))?;
        Ok(Self { state: Arc::new(Mutex::new(FileState { source, error: None })), length })
    }

    /// Length of the file in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Every read seeks first, so a panic of another reader leaves nothing half-done.
    fn lock(&self) -> MutexGuard<'_, FileState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the error of the file itself, once.
    ///
    /// # Errors
    ///
    /// If an earlier read failed.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.lock().error.take().map_or(Ok(()), Err)
    }

    fn read_at(&self, start: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock();
        let mut read = || -> io::Result<usize> {
            state.source.seek(SeekFrom::Start(start))?;
            let mut filled = 0;
            while filled < buffer.len() {
                match state.source.read(&mut buffer[filled..]) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(filled)
        };
        let result = read();
        // The first error is kept for `check`, and the caller gets a copy of its kind.
        result.map_err(|error| {
            let kind = error.kind();
            state.error.get_or_insert(error);
            kind.into()
        })
    }
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for SharedFile {
    type T = io::BufReader<FileCursor>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(io::BufReader::new(FileCursor { file: self.clone(), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // The length comes from the file, so it is checked before memory is allocated for it.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF("a range beyond the end of the file".to_owned()));
        }
        let mut bytes = vec![0; length];
        let read = self.read_at(start, &mut bytes)?;
        if read < length {
            return Err(ParquetError::EOF("the file got shorter".to_owned()));
        }
        Ok(bytes.into())
    }
}

/// A position in a [`SharedFile`].
pub(crate) struct FileCursor {
    file: SharedFile,
    position: u64,
}

impl Read for FileCursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.position, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}
