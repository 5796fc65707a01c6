//! Reads the vocabulary of a GGUF file with candle's reader.
//!
//! candle reads all of a file's keys and the list of its tensors. A [`Guarded`] reader around the
//! file protects it from damaged files: it hides the tensors, whose types candle need not know, and
//! limits what the keys can make candle allocate.

use std::io::{self, Read, Seek, SeekFrom};

use candle_core::quantized::gguf_file::{Content, Value};
use tokenizer::{GgufVocabulary, Tokenizer};

use crate::error::{EncoderError, Result};

const MAGIC: &[u8; 4] = b"GGUF";

/// The magic number and the version, four bytes each; the numbers of tensors and of keys, eight
/// each.
const HEADER_BYTES: usize = 24;

/// The most keys of a file. Published ones have less than a hundred.
const MAX_KEYS: u64 = 1 << 16;

/// The keys end before this place: eight times as much as the largest vocabulary published.
const MAX_METADATA_BYTES: u64 = 1 << 27;

/// candle stores each value in 32 bytes, and makes at least one read for it. Strings and integers,
/// of which vocabularies consist, take at least four bytes per read. So this limits the memory to
/// eight times the size of the file, where an array of bytes would need 32 times its size.
const BYTES_PER_READ: u64 = 4;

/// Files may make this many more reads, for short keys with short values.
const MORE_READS: u64 = 1 << 16;

/// candle divides by the value of this key without a check.
const ALIGNMENT: &[u8] = b"general.alignment";

fn malformed(reason: impl Into<String>) -> EncoderError {
    EncoderError::Malformed { file: "GGUF", reason: reason.into() }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads the tokenizer of a GGUF file of `length` bytes, up to the last key.
///
/// # Errors
/// [`EncoderError::Malformed`] if it is not such a file, and [`EncoderError::Tokenizer`] if its
/// vocabulary is faulty or is not byte-level BPE with a known split.
pub(crate) fn read(input: impl Read, length: u64) -> Result<Tokenizer> {
    let mut guarded = Guarded::new(input, length).map_err(|error| malformed(error.to_string()))?;
    let content = Content::read(&mut guarded).map_err(|error| malformed(error.to_string()))?;
    let mut keys = content.metadata;
    let mut take = |name: &str| keys.remove(&format!("tokenizer.ggml.{name}"));
    Ok(Tokenizer::from_gguf_vocabulary(&GgufVocabulary {
        model: text(take("model")),
        pre: text(take("pre")),
        tokens: elements("tokens", take("tokens"), string)?,
        token_type: elements("token_type", take("token_type"), integer)?,
        merges: elements("merges", take("merges"), string)?,
    })?)
}

/// A string. A missing one and a value of another type are both not the name of anything.
fn text(value: Option<Value>) -> String {
    if let Some(Value::String(text)) = value { text } else { String::new() }
}

fn string(value: &Value) -> Option<String> {
    match value {
        // candle has put U+FFFD in place of bytes that are not UTF-8.
        Value::String(text) if !text.contains(char::REPLACEMENT_CHARACTER) => Some(text.clone()),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i32> {
    if let Value::I32(number) = value { Some(*number) } else { None }
}

/// The elements of an array; none if the key is missing or is not an array.
fn elements<T>(
    name: &str,
    value: Option<Value>,
    element: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>> {
    let Some(Value::Array(values)) = value else { return Ok(Vec::new()) };
    let elements: Option<Vec<T>> = values.iter().map(element).collect();
    elements.ok_or_else(|| {
        malformed(format!("tokenizer.ggml.{name} has an element of another type, or not in UTF-8"))
    })
}

/// A reader of the start of a GGUF file, without its tensors, that limits what candle can read.
struct Guarded<R> {
    inner: io::Chain<io::Cursor<[u8; HEADER_BYTES]>, io::BufReader<R>>,
    position: u64,
    /// The number of bytes that can be read.
    length: u64,
    reads_left: u64,
    /// The number of reads since the key [`ALIGNMENT`].
    reads_since_alignment: u64,
}

impl<R: Read> Guarded<R> {
    fn new(mut input: R, length: u64) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        input.read_exact(&mut header)?;
        let [_, _, _, _, 2 | 3, 0, 0, 0, rest @ ..] = &mut header else {
            return Err(invalid("it is not a GGUF file of version 2 or 3"));
        };
        let (tensors, keys) = rest.split_at_mut(8);
        tensors.fill(0);
        if keys.first_chunk().is_none_or(|keys| u64::from_le_bytes(*keys) > MAX_KEYS) {
            return Err(invalid("it has too many keys"));
        }
        if !header.starts_with(MAGIC) {
            return Err(invalid("it does not begin with GGUF"));
        }
        let length = length.min(MAX_METADATA_BYTES);
        Ok(Self {
            inner: io::Cursor::new(header).chain(io::BufReader::new(input)),
            position: 0,
            length,
            reads_left: length / BYTES_PER_READ + MORE_READS,
            reads_since_alignment: u64::MAX,
        })
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, item: &mut [u8]) -> io::Result<usize> {
        self.read_exact(item)?;
        Ok(item.len())
    }

    /// Reads one item: a number, or the content of a string.
    fn read_exact(&mut self, item: &mut [u8]) -> io::Result<()> {
        let end = self.position + item.len() as u64;
        if end > self.length {
            return Err(invalid("it ends too early, or its keys are too long"));
        }
        let Some(left) = self.reads_left.checked_sub(1) else {
            return Err(invalid("its keys have too many small values"));
        };
        self.inner.read_exact(item)?;
        (self.position, self.reads_left) = (end, left);
        // The value of a key comes after its type, which comes after its name. candle ignores zeros
        // at the end of a name.
        self.reads_since_alignment = match item.strip_prefix(ALIGNMENT) {
            Some(rest) if is_zero(rest) => 0,
            _ => self.reads_since_alignment.saturating_add(1),
        };
        if self.reads_since_alignment == 2 && !item.is_empty() && is_zero(item) {
            return Err(invalid("general.alignment is 0"));
        }
        Ok(())
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// candle only asks for the length and for the current position.
impl<R: Read> Seek for Guarded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::End(0) => Ok(self.length),
            SeekFrom::Current(0) => Ok(self.position),
            SeekFrom::Start(position) if position == self.position => Ok(position),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizer::{Split, TrainConfig, WordCounts, train};

    fn trained(split: Split) -> Tokenizer {
        let mut counts = WordCounts::new();
        counts.add_text(split, "low lower lowest, naïve naïve 2024 日本日本\n");
        let special_tokens = vec!["<|endoftext|>".into(), "<|pad|>".into()];
        let config = TrainConfig {
            vocab_size: 290,
            split,
            min_frequency: 0,
            special_tokens,
            ..TrainConfig::default()
        };
        train(&counts, &config, &mut |_, _| {}).unwrap()
    }

    fn read_bytes(file: &[u8]) -> Result<Tokenizer> {
        read(file, file.len() as u64)
    }

    fn string(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    /// A vocabulary with another key before its keys: its name, the type of its value, the value.
    fn with_key(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
        let mut file = trained(Split::Gpt2).to_gguf().unwrap();
        file[16] += 1;
        let key = [&string(name)[..], &kind.to_le_bytes(), value].concat();
        file.splice(24..24, key);
        file
    }

    #[test]
    fn files_come_back() {
        for split in [Split::Gpt2, Split::Gpt4, Split::O200k, Split::Qwen2] {
            let tokenizer = trained(split);
            let mut file = tokenizer.to_gguf().unwrap();
            let again = read_bytes(&file).unwrap();
            assert_eq!(again.to_gguf().unwrap(), file, "{split}");
            assert_eq!(again.to_vocab_json(), tokenizer.to_vocab_json(), "{split}");
            assert_eq!(again.to_merges_txt(), tokenizer.to_merges_txt(), "{split}");
            // Version 2, and tensors after the keys.
            (file[4], file[8]) = (2, 7);
            file.extend(b"tensors of any type");
            assert_eq!(read_bytes(&file).unwrap().to_json(), again.to_json(), "{split}");
        }
    }

    #[test]
    fn files_cut_off_anywhere_are_refused() {
        let file = trained(Split::Gpt2).to_gguf().unwrap();
        for length in 0..file.len() {
            let error = read_bytes(&file[..length]).unwrap_err();
            assert!(matches!(error, EncoderError::Malformed { file: "GGUF", .. }), "{length}");
            // The length that the file system reports may be wrong, too.
            assert!(read(&file[..length], u64::MAX).is_err(), "{length}");
        }
    }

    #[test]
    fn damaged_bytes_are_no_panic() {
        let file = trained(Split::Gpt2).to_gguf().unwrap();
        for at in (0..400).chain((400..file.len()).step_by(31)) {
            for flip in [0xff, 0x80, 0x01] {
                let mut damaged = file.clone();
                damaged[at] ^= flip;
                if let Ok(tokenizer) = read_bytes(&damaged) {
                    assert!(tokenizer.vocab_size() <= 290 + 1, "{at}");
                }
            }
        }
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let refused = |file: &[u8]| read_bytes(file).unwrap_err().to_string();
        let file = trained(Split::Gpt2).to_gguf().unwrap();
        let changed = |at: usize, byte: u8| {
            let mut file = file.clone();
            file[at] = byte;
            refused(&file)
        };
        assert!(changed(0, b'g').contains("does not begin with GGUF"));
        assert!(changed(4, 1).contains("version 2 or 3"));
        assert!(changed(19, 1).contains("too many keys"));
        let other = with_key("tokenizer.ggml.pre", 8, &string("gpt-2"));
        assert!(read_bytes(&other).is_ok());
        let at = file.windows(5).position(|bytes| bytes == b"gpt-2").unwrap();
        assert!(changed(at, b'G').contains("tokenizer.ggml.pre"));
        let at = file.windows(13).position(|bytes| bytes == b"<|endoftext|>").unwrap();
        assert!(changed(at, 0xff).contains("UTF-8"));
    }

    #[test]
    fn lengths_cannot_allocate_more_than_the_file_has() {
        let refused = |file: &[u8]| read_bytes(file).unwrap_err().to_string();
        for length in [1 << 20, 1 << 29, u64::MAX] {
            // A string, an array of bytes, an array of strings and one of arrays.
            let length = length.to_le_bytes();
            refused(&with_key("other", 8, &length));
            for kind in [0_u32, 8, 9] {
                let array = [&kind.to_le_bytes()[..], &length].concat();
                refused(&with_key("other", 9, &array));
            }
        }
        let bytes = |length: u64| {
            let array = [&0_u32.to_le_bytes()[..], &length.to_le_bytes()].concat();
            [array, vec![7; length as usize]].concat()
        };
        assert!(read_bytes(&with_key("other", 9, &bytes(1 << 10))).is_ok());
        assert!(refused(&with_key("other", 9, &bytes(1 << 20))).contains("small values"));
        let deep = [9_u32.to_le_bytes().to_vec(), 1_u64.to_le_bytes().to_vec()].concat();
        refused(&with_key("other", 9, &deep.repeat(1000)));
    }

    #[test]
    fn an_alignment_of_zero_is_refused() {
        for name in ["general.alignment", "general.alignment\0"] {
            for (kind, bytes) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4)] {
                let error = read_bytes(&with_key(name, kind, &vec![0; bytes])).unwrap_err();
                assert!(error.to_string().contains("alignment"), "{error}");
                assert!(read_bytes(&with_key(name, kind, &vec![1; bytes])).is_ok());
            }
        }
    }
}
