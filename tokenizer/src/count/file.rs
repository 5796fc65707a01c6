//! The count file: words in byte order with their counts. A file holds the words of a source or a
//! language, or a sorted run that was spilled while counting under a memory limit. Files are
//! [merged](crate::MergedCounts) in one pass.
//!
//! Layout:
//! - the eight bytes `GRISTWC1`;
//! - the length of the split's name, and the name;
//! - for each word in ascending byte order: the number of bytes it shares with the word before, the
//!   number of bytes that follow, these bytes, and its count;
//! - two zeros;
//! - the number of words and the number of pieces that were cut;
//! - XXH3-64 of all bytes before it, low byte first.
//!
//! Numbers are LEB128: seven bits per byte, low bits first.
//!
//! This crate opens no files: the caller gives it readers and writers.

use std::fmt;
use std::io::{self, Read, Write};

use xxhash_rust::xxh3::Xxh3;

use crate::Split;

const MAGIC: &[u8; 8] = b"GRISTWC1";

/// Bytes read or written at a time.
const BUFFER_BYTES: usize = 1 << 16;

/// The longest word that is read: far above [`crate::MAX_WORD_BYTES`], for words counted elsewhere.
const MAX_READ_WORD_BYTES: usize = 1 << 20;

/// The longest name of a split that is read. The name of a regex split contains its patterns.
const MAX_NAME_BYTES: u64 = 1 << 14;

/// The running hash for the end of a file. It is boxed because its state takes half a kilobyte.
struct Checksum(Box<Xxh3>);

impl Checksum {
    fn new() -> Self {
        Self(Box::new(Xxh3::new()))
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn digest(&self) -> [u8; 8] {
        self.0.digest().to_le_bytes()
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Checksum").field(&self.0.digest()).finish()
    }
}

/// Writes a count file.
#[derive(Debug)]
pub struct CountsWriter<W: Write> {
    inner: W,
    buffer: Vec<u8>,
    hash: Checksum,
    previous: Vec<u8>,
    words: u64,
}

impl<W: Write> CountsWriter<W> {
    /// Begins a file of words from `split`.
    pub fn new(inner: W, split: Split) -> Self {
        let name = split.to_string();
        let (buffer, previous) = (MAGIC.to_vec(), Vec::new());
        let mut writer = Self { inner, buffer, hash: Checksum::new(), previous, words: 0 };
        writer.number(name.len() as u64);
        writer.buffer.extend_from_slice(name.as_bytes());
        writer
    }

    /// Writes a word. A word with a count of 0 is skipped.
    ///
    /// # Errors
    /// Those of the writer, and [`io::ErrorKind::InvalidInput`] for a word that is empty or does
    /// not come after the word before in byte order.
    pub fn write(&mut self, word: &[u8], count: u64) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        if word <= &self.previous[..] {
            let message = "the words of a count file must be in ascending byte order";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let shared = word.iter().zip(&self.previous).take_while(|(new, old)| new == old).count();
        self.number(shared as u64);
        self.number((word.len() - shared) as u64);
        self.buffer.extend_from_slice(&word[shared..]);
        self.number(count);
        self.previous.truncate(shared);
        self.previous.extend_from_slice(&word[shared..]);
        self.words += 1;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Ends the file and returns the writer. `cut_pieces` is the number of pieces that were longer
    /// than [`MAX_WORD_BYTES`](crate::MAX_WORD_BYTES).
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self, cut_pieces: u64) -> io::Result<W> {
        self.buffer.extend([0, 0]);
        self.number(self.words);
        self.number(cut_pieces);
        self.flush()?;
        self.inner.write_all(&self.hash.digest())?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hash.update(&self.buffer);
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.buffer.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.buffer.push(number as u8);
    }
}

/// Reads a count file word by word.
#[derive(Debug)]
pub struct CountsReader<R: Read> {
    source: Source<R>,
    split: Split,
    word: Vec<u8>,
    words: u64,
    /// The number of pieces that were cut; known at the end.
    cut_pieces: Option<u64>,
}

impl<R: Read> CountsReader<R> {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// Those of the reader, and [`io::ErrorKind::InvalidData`] if it is not a count file.
    pub fn new(inner: R) -> io::Result<Self> {
        let mut source = Source::new(inner);
        let mut head = Vec::new();
        source.read(MAGIC.len(), &mut head)?;
        if head != MAGIC {
            return Err(invalid("it does not begin with GRISTWC1"));
        }
        let length = source.number()?;
        if length > MAX_NAME_BYTES {
            return Err(invalid("the name of its split is too long"));
        }
        let mut name = Vec::new();
        source.read(length as usize, &mut name)?;
        let name =
            String::from_utf8(name).map_err(|_| invalid("the name of its split is not UTF-8"))?;
        let split = name.parse().map_err(|error| invalid(&format!("{error}")))?;
        Ok(Self { source, split, word: Vec::new(), words: 0, cut_pieces: None })
    }

    /// The split that made the words.
    pub fn split(&self) -> Split {
        self.split
    }

    /// Reads the next word and its count, or `None` at the end, after checking the checksum.
    ///
    /// # Errors
    /// Those of the reader, and [`io::ErrorKind::InvalidData`] if the file is damaged.
    pub fn next_word(&mut self) -> io::Result<Option<(&[u8], u64)>> {
        if self.cut_pieces.is_some() {
            return Ok(None);
        }
        let shared = self.source.number()?;
        let added = self.source.number()?;
        if (shared, added) == (0, 0) {
            return self.end();
        }
        let known = self.word.len() as u64;
        if shared > known || added == 0 || shared.saturating_add(added) > MAX_READ_WORD_BYTES as u64
        {
            return Err(invalid("a word's length is out of range"));
        }
        let (shared, added) = (shared as usize, added as usize);
        let replaced = self.word.get(shared).copied();
        self.word.truncate(shared);
        self.source.read(added, &mut self.word)?;
        if replaced.is_some_and(|byte| byte >= self.word[shared]) {
            return Err(invalid("the words are not in order"));
        }
        let count = self.source.number()?;
        if count == 0 {
            return Err(invalid("a word has the count 0"));
        }
        self.words += 1;
        Ok(Some((&self.word, count)))
    }

    fn end(&mut self) -> io::Result<Option<(&[u8], u64)>> {
        let words = self.source.number()?;
        let cut_pieces = self.source.number()?;
        let expected = self.source.digest();
        let mut found = Vec::new();
        self.source.read(expected.len(), &mut found)?;
        if found != expected || words != self.words {
            return Err(invalid("its checksum is wrong"));
        }
        self.cut_pieces = Some(cut_pieces);
        Ok(None)
    }

    /// The number of pieces that were cut while counting. It is 0 until all words have been read,
    /// because it stands at the end of the file.
    pub fn cut_pieces(&self) -> u64 {
        self.cut_pieces.unwrap_or(0)
    }
}

fn invalid(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a complete count file: {fault}"))
}

/// A buffered reader that hashes the bytes taken from it.
#[derive(Debug)]
struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    at: usize,
    hashed: usize,
    hash: Checksum,
}

impl<R: Read> Source<R> {
    fn new(inner: R) -> Self {
        Self { inner, buffer: Vec::new(), at: 0, hashed: 0, hash: Checksum::new() }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.hash.update(&self.buffer[self.hashed..]);
        (self.at, self.hashed) = (0, 0);
        self.buffer.clear();
        self.inner.by_ref().take(BUFFER_BYTES as u64).read_to_end(&mut self.buffer)?;
        if self.buffer.is_empty() { Err(invalid("it ends too early")) } else { Ok(()) }
    }

    #[inline]
    fn byte(&mut self) -> io::Result<u8> {
        if self.at == self.buffer.len() {
            self.refill()?;
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    /// Appends the next `length` bytes to `out`.
    fn read(&mut self, mut length: usize, out: &mut Vec<u8>) -> io::Result<()> {
        while length > 0 {
            if self.at == self.buffer.len() {
                self.refill()?;
            }
            let end = self.buffer.len().min(self.at + length);
            out.extend_from_slice(&self.buffer[self.at..end]);
            length -= end - self.at;
            self.at = end;
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(invalid("a number is too long"))
    }

    /// The hash of all bytes taken so far.
    fn digest(&mut self) -> [u8; 8] {
        self.hash.update(&self.buffer[self.hashed..self.at]);
        self.hashed = self.at;
        self.hash.digest()
    }
}
