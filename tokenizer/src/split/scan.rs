//! Scanning a text by the classes of its characters, for all hand-written splits.

use super::classes::{self, ClassTable, LETTER, LOWER, NEWLINE, SPACE};

/// How many bytes are examined together: almost no word has more letters.
const RUN_BYTES: usize = 16;

/// A byte repeated in all eight places.
const fn everywhere(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of every byte that is not one of the letters a to z.
#[inline]
fn not_small_letters(bytes: u64) -> u64 {
    const HIGH: u64 = everywhere(0x80);
    // Without their high bits, no sum carries into the next byte.
    let low = bytes & !HIGH;
    let from_a = low + everywhere(0x80 - b'a');
    let beyond_z = low + everywhere(0x7f - b'z');
    (!from_a | beyond_z | bytes) & HIGH
}

/// A text with the class table.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    table: &'static ClassTable,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), table: classes::table() }
    }

    /// The length of the text in bytes.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the byte at `at` is `byte`.
    #[inline]
    pub(super) fn is(&self, at: usize, byte: u8) -> bool {
        self.bytes.get(at) == Some(&byte)
    }

    /// The class flags of the character at `at` and its length in bytes; (0, 0) at the end.
    #[inline]
    pub(super) fn class(&self, at: usize) -> (u8, usize) {
        let Some(&byte) = self.bytes.get(at) else { return (0, 0) };
        let flags = self.table.ascii(byte);
        if flags != 0 { (flags, 1) } else { self.long_class(at) }
    }

    /// The class flags and length of the character of two to four bytes at `at`.
    fn long_class(&self, at: usize) -> (u8, usize) {
        let (scalar, length) = self.long_scalar(at);
        (self.table.scalar(scalar), length)
    }

    /// The scalar value of the character at `at` and its length in bytes; (0, 0) at the end.
    #[inline]
    pub(super) fn scalar(&self, at: usize) -> (u32, usize) {
        match self.bytes.get(at) {
            None => (0, 0),
            Some(&byte) if byte.is_ascii() => (byte.into(), 1),
            Some(_) => self.long_scalar(at),
        }
    }

    /// The scalar value and length of the character of two to four bytes at `at`.
    #[inline]
    fn long_scalar(&self, at: usize) -> (u32, usize) {
        let bits = |offset: usize| u32::from(self.bytes[at + offset] & 0x3f);
        let lead = u32::from(self.bytes[at]);
        match lead {
            ..0xe0 => ((lead & 0x1f) << 6 | bits(1), 2),
            0xe0..0xf0 => ((lead & 0x0f) << 12 | bits(1) << 6 | bits(2), 3),
            _ => ((lead & 0x07) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3), 4),
        }
    }

    /// The end of the run of letters that begins at `at`.
    #[inline]
    pub(super) fn letters(&self, at: usize) -> usize {
        let end = self.ascii_run(at, |bytes| not_small_letters(bytes | everywhere(0x20)));
        if self.is_ascii(end) { end } else { self.run(end, LETTER) }
    }

    /// The end of the run of characters of the class [`LOWER`] that begins at `at`.
    #[inline]
    pub(super) fn lower_case(&self, at: usize) -> usize {
        let end = self.small_letters(at);
        if self.is_ascii(end) { end } else { self.run(end, LOWER) }
    }

    /// The end of the run of the letters a to z that begins at `at`.
    #[inline]
    pub(super) fn small_letters(&self, at: usize) -> usize {
        self.ascii_run(at, not_small_letters)
    }

    /// The end of the run of the letters A to Z that begins at `at`. Most runs have one letter or
    /// none.
    #[inline]
    pub(super) fn capitals(&self, mut at: usize) -> usize {
        while self.bytes.get(at).is_some_and(u8::is_ascii_uppercase) {
            at += 1;
        }
        at
    }

    /// Whether there is an ASCII character at `at`, or the end of the text.
    #[inline]
    pub(super) fn is_ascii(&self, at: usize) -> bool {
        self.bytes.get(at).is_none_or(u8::is_ascii)
    }

    /// The end of the run that begins at `at` of bytes whose high bit `others` leaves unset. It
    /// examines sixteen bytes at a time, so that for the usual word no branch depends on its
    /// length.
    #[inline]
    fn ascii_run(&self, mut at: usize, others: impl Fn(u64) -> u64) -> usize {
        while let Some(chunk) = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<RUN_BYTES>) {
            let bytes = u128::from_le_bytes(*chunk);
            let (low, high) = (others(bytes as u64), others((bytes >> 64) as u64));
            if low | high != 0 {
                let (bits, before) = if low != 0 { (low, 0) } else { (high, 8) };
                return at + before + bits.trailing_zeros() as usize / 8;
            }
            at += RUN_BYTES;
        }
        let mark = |&byte: &u8| others(u64::from(byte)) & 0x80 == 0;
        at + self.bytes[at.min(self.bytes.len())..].iter().take_while(|byte| mark(byte)).count()
    }

    /// The end of the run that begins at `at` of characters with any flag of `mask`.
    #[inline]
    pub(super) fn run(&self, mut at: usize, mask: u8) -> usize {
        while let Some(&byte) = self.bytes.get(at) {
            let flags = self.table.ascii(byte);
            if flags & mask != 0 {
                at += 1;
                continue;
            }
            if flags != 0 {
                break;
            }
            let (flags, length) = self.long_class(at);
            if flags & mask == 0 {
                break;
            }
            at += length;
        }
        at
    }

    /// The end of the white-space piece that begins at `start`, by `\s+(?!\S)|\s+`: the whole run
    /// at the end of the text; elsewhere all but the last character, which may lead the next piece.
    /// With `newlines`, `\s*[\r\n]+` takes precedence, which ends at the last newline of the run.
    pub(super) fn white_space(&self, start: usize, newlines: bool) -> usize {
        let (mut at, mut last, mut after_newline) = (start, start, None);
        loop {
            let (flags, length) = self.class(at);
            if flags & SPACE == 0 {
                break;
            }
            last = at;
            at += length;
            if flags & NEWLINE != 0 {
                after_newline = Some(at);
            }
        }
        match after_newline {
            Some(end) if newlines => end,
            _ if at == self.len() || last == start => at,
            _ => last,
        }
    }

    /// The length in bytes of the English contraction at `at` (`'s 't 're 've 'm 'll 'd`), or 0.
    /// With `fold`, letters match in either case, and U+017F (ſ) matches s, as in Unicode's
    /// folding.
    #[inline]
    pub(super) fn contraction(&self, at: usize, fold: bool) -> usize {
        if !self.is(at, b'\'') {
            return 0;
        }
        let letter = |offset: usize| {
            let byte = self.bytes.get(at + offset).copied().unwrap_or(0);
            if fold { byte.to_ascii_lowercase() } else { byte }
        };
        match (letter(1), letter(2)) {
            (b's' | b't' | b'm' | b'd', _) => 2,
            (b'r' | b'v', b'e') | (b'l', b'l') => 3,
            (0xc5, 0xbf) if fold => 3,
            _ => 0,
        }
    }
}
