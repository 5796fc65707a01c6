//! The identity of an input's content, found while somebody reads the file anyway.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::DirReader;
use crate::input::InputFile;

/// Bytes that are read at a time to finish a digest.
const BUFFER_BYTES: usize = 1 << 20;

/// Finds the identity of a file: the BLAKE3 of a local file, the store's version tag of a remote one.
///
/// The readers that [`IdentityReader::open`] gives feed the digest with the bytes that they read, so
/// a file that is read from its beginning to its end is read once for both. What they jump over is
/// read by [`IdentityReader::finish`].
pub struct IdentityReader<'a> {
    file: &'a InputFile,
    digest: Arc<Mutex<Digest>>,
}

/// The digest of the first `bytes` bytes of a file.
#[derive(Default)]
struct Digest {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<'a> IdentityReader<'a> {
    /// Prepares to identify `file`.
    pub fn new(file: &'a InputFile) -> Self {
        Self { file, digest: Arc::default() }
    }

    /// Opens the file; several readers may read it at once.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(&self) -> io::Result<Box<dyn DirReader>> {
        let reader = self.file.open()?;
        if self.file.version().is_some() {
            return Ok(reader);
        }
        Ok(Box::new(DigestingReader { reader, position: 0, digest: self.digest.clone() }))
    }

    /// Reads what no reader has read in order, and returns the identity.
    ///
    /// # Errors
    /// A local file cannot be read.
    pub fn finish(self) -> io::Result<String> {
        if let Some(version) = self.file.version() {
            return Ok(format!("version {version}"));
        }
        let mut reader = self.open()?;
        let read = self.digest.lock().unwrap_or_else(PoisonError::into_inner).bytes;
        reader.seek(SeekFrom::Start(read))?;
        let mut rest = DigestingReader { reader, position: read, digest: self.digest.clone() };
        let mut buffer = vec![0; BUFFER_BYTES];
        while rest.read(&mut buffer)? > 0 {}
        let digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(digest.hasher.finalize().to_hex().to_string())
    }
}

/// A reader that feeds a digest with the bytes that it has not seen.
struct DigestingReader {
    reader: Box<dyn DirReader>,
    position: u64,
    digest: Arc<Mutex<Digest>>,
}

impl Digest {
    /// Takes the bytes at `position`, if they continue what was taken before.
    fn take(&mut self, position: u64, bytes: &[u8]) {
        let end = position + bytes.len() as u64;
        if position <= self.bytes && self.bytes < end {
            self.hasher.update(&bytes[(self.bytes - position) as usize..]);
            self.bytes = end;
        }
    }
}

impl Read for DigestingReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(out)?;
        let mut digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        digest.take(self.position, &out[..n]);
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for DigestingReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.reader.seek(to)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::resolve;

    /// However the readers jump, the identity is the digest of the whole file.
    #[test]
    fn the_identity_does_not_depend_on_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.bin");
        let content: Vec<u8> = (0..100_000_u32).map(|n| n.wrapping_mul(n) as u8).collect();
        crate::write_file(&path, &content).unwrap();
        let file = resolve(path.to_str().unwrap()).unwrap().remove(0);
        let expected = crate::digest(&content);
        for jumps in [vec![], vec![0], vec![0, 40_000], vec![70_000, 0, 10_000, 99_999]] {
            let identity = IdentityReader::new(&file);
            let mut reader = identity.open().unwrap();
            let mut buffer = vec![0; 30_000];
            for jump in &jumps {
                reader.seek(SeekFrom::Start(*jump)).unwrap();
                let _ = reader.read(&mut buffer).unwrap();
            }
            assert_eq!(identity.finish().unwrap(), expected, "after reading at {jumps:?}");
        }
    }
}
