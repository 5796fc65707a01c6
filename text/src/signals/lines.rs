//! Signals of lines and paragraphs: how they start and end, and how many repeat an earlier one.

use memchr::{memchr, memchr2_iter, memmem};
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_64;

use super::{Signals, share};
use crate::words::classes::{Classes, TERMINAL, is_space, strip};

/// The maximum length of a short line in characters (FineWeb).
const SHORT_LINE_CHARACTERS: usize = 30;

/// Marks with which a line had to end in the first FineWeb.
const FIRST_FINEWEB_MARKS: [char; 5] = ['.', '\'', '"', '!', '?'];

/// A set with room for more elements than this is freed instead of emptied, because emptying takes
/// time proportional to its size.
const MAX_KEPT: usize = 1 << 14;

/// Buffers that are reused from text to text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    seen: FxHashSet<u64>,
}

impl Scratch {
    /// An empty set.
    fn empty(&mut self) -> &mut FxHashSet<u64> {
        if self.seen.capacity() > MAX_KEPT {
            self.seen = FxHashSet::default();
        }
        self.seen.clear();
        &mut self.seen
    }
}

/// Counts elements (lines or paragraphs) that repeat an earlier one, and their characters.
#[derive(Debug, Default)]
struct Duplicates {
    all: u64,
    repeated: u64,
    repeated_characters: u64,
}

impl Duplicates {
    /// Adds an element. Returns its number of characters if it repeats an earlier one, otherwise 0.
    fn add(&mut self, element: &str, seen: &mut FxHashSet<u64>) -> u64 {
        self.all += 1;
        if seen.insert(xxh3_64(element.as_bytes())) {
            return 0;
        }
        let characters = element.chars().count() as u64;
        self.repeated += 1;
        self.repeated_characters += characters;
        characters
    }
}

/// The counts of the pass over lines.
#[derive(Debug, Default)]
struct Lines {
    /// Lines that are not empty.
    filled: Duplicates,
    /// Lines that are not white space alone.
    visible: u64,
    /// Characters of those that repeat an earlier one.
    repeated_visible_characters: u64,
    terminal: u64,
    short: u64,
    /// Pieces between line feeds, including empty ones.
    pieces: u64,
    first_fineweb_terminal: u64,
    short_pieces: u64,
    /// Whether Python's `splitlines` finds line breaks other than line feeds.
    has_other_breaks: bool,
    /// Lines of `splitlines` that start with a bullet.
    bullet: u64,
    /// Lines of `splitlines` that end with an ellipsis.
    ellipsis: u64,
}

/// Writes the signals of lines and paragraphs. `characters` is the number of characters of the
/// text.
pub(super) fn measure(text: &str, characters: u64, scratch: &mut Scratch, signals: &mut Signals) {
    let mut lines = Lines { has_other_breaks: has_other_breaks(text), ..Lines::default() };
    let classes = Classes::get();
    let seen = scratch.empty();
    let mut rest = Some(text);
    while let Some(piece) = rest {
        let end = memchr(b'\n', piece.as_bytes());
        lines.piece(&piece[..end.unwrap_or(piece.len())], classes, seen);
        rest = end.map(|end| &piece[end + 1..]);
    }
    lines.split(text, characters, scratch.empty(), signals);
    // `re.split("\n+", text)` has an empty element at either end where the text has line feeds.
    let edges = u64::from(text.starts_with('\n')) + u64::from(text.ends_with('\n'));
    let repeated = lines.filled.repeated + edges.saturating_sub(1);
    signals.duplicate_line_fraction = share(repeated, lines.filled.all + edges);
    signals.duplicate_line_char_fraction = share(lines.filled.repeated_characters, characters);
    lines.write(characters, signals);
    paragraphs(text, characters, scratch.empty(), signals);
    signals.javascript_lines = javascript_lines(text);
}

impl Lines {
    /// Adds a piece between line feeds.
    fn piece(&mut self, piece: &str, classes: &Classes, seen: &mut FxHashSet<u64>) {
        self.pieces += 1;
        // A character has one to four bytes, so characters are counted only where it matters.
        let is_short = piece.len() <= SHORT_LINE_CHARACTERS
            || piece.len() <= 4 * SHORT_LINE_CHARACTERS
                && piece.chars().count() <= SHORT_LINE_CHARACTERS;
        self.short_pieces += u64::from(is_short);
        let Some(last) = piece.chars().next_back() else { return };
        self.first_fineweb_terminal += u64::from(FIRST_FINEWEB_MARKS.contains(&last));
        let repeated_characters = self.filled.add(piece, seen);
        if !self.has_other_breaks {
            self.shape(piece);
        }
        if strip(piece).is_empty() {
            return;
        }
        self.visible += 1;
        self.terminal += u64::from(classes.is(last, TERMINAL));
        self.short += u64::from(is_short);
        self.repeated_visible_characters += repeated_characters;
    }

    /// Counts a bullet at the start and an ellipsis at the end of a line.
    fn shape(&mut self, line: &str) {
        let start = line.trim_start_matches(is_space);
        self.bullet += u64::from(start.starts_with(['•', '-']));
        let end = line.trim_end_matches(is_space);
        self.ellipsis += u64::from(end.ends_with('…') || end.ends_with("..."));
    }

    /// Measures the lines of `splitlines`. In most texts these are the pieces between line feeds,
    /// except for an empty one at the end, and then the counts so far are reused.
    fn split(
        &mut self,
        text: &str,
        characters: u64,
        seen: &mut FxHashSet<u64>,
        signals: &mut Signals,
    ) {
        let mut duplicates = Duplicates::default();
        if self.has_other_breaks {
            for line in split_lines(text) {
                self.shape(line);
                duplicates.add(line, seen);
            }
        } else {
            duplicates.all = self.pieces - u64::from(text.is_empty() || text.ends_with('\n'));
            let empty = duplicates.all - self.filled.all;
            duplicates.repeated = self.filled.repeated + empty.saturating_sub(1);
            duplicates.repeated_characters = self.filled.repeated_characters;
        }
        signals.bullet_line_fraction = share(self.bullet, duplicates.all);
        signals.ellipsis_line_fraction = share(self.ellipsis, duplicates.all);
        signals.duplicate_line_fraction_fineweb_v1 = share(duplicates.repeated, duplicates.all);
        signals.duplicate_line_char_fraction_fineweb_v1 =
            share(duplicates.repeated_characters, characters);
    }

    fn write(&self, characters: u64, signals: &mut Signals) {
        let line_feeds = self.pieces - 1;
        signals.lines = self.visible;
        signals.line_breaks = line_feeds;
        signals.terminal_punctuation_line_fraction = share(self.terminal, self.visible);
        signals.short_line_fraction = share(self.short, self.visible);
        signals.duplicate_visible_line_char_fraction =
            share(self.repeated_visible_characters, characters - line_feeds);
        signals.terminal_punctuation_line_fraction_fineweb_v1 =
            share(self.first_fineweb_terminal, self.pieces);
        signals.short_line_fraction_fineweb_v1 = share(self.short_pieces, self.pieces);
    }
}

/// Writes the signals of paragraphs: the parts of the text, without white space at its ends, that
/// are separated by two or more line feeds.
fn paragraphs(text: &str, characters: u64, seen: &mut FxHashSet<u64>, signals: &mut Signals) {
    let mut paragraphs = Duplicates::default();
    let mut rest = strip(text);
    while !rest.is_empty() {
        let end = memmem::find(rest.as_bytes(), b"\n\n").unwrap_or(rest.len());
        paragraphs.add(&rest[..end], seen);
        rest = rest[end..].trim_start_matches('\n');
    }
    signals.paragraphs = paragraphs.all;
    signals.duplicate_paragraph_fraction = share(paragraphs.repeated, paragraphs.all);
    signals.duplicate_paragraph_char_fraction = share(paragraphs.repeated_characters, characters);
}

/// The number of lines that contain `javascript`, in upper or lower case.
fn javascript_lines(text: &str) -> u64 {
    let word = b"javascript";
    let bytes = text.as_bytes();
    let mut lines = 0;
    let mut counted_to = 0;
    for at in memchr2_iter(b'j', b'J', bytes) {
        let found = bytes.get(at..at + word.len());
        if at >= counted_to && found.is_some_and(|found| found.eq_ignore_ascii_case(word)) {
            lines += 1;
            counted_to = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
        }
    }
    lines
}

/// Whether a text has line breaks other than line feeds.
fn has_other_breaks(text: &str) -> bool {
    let bytes = text.as_bytes();
    // A fold without an early exit, which the compiler vectorises.
    let has_break = |found: u8, byte: &u8| {
        found | u8::from(byte.wrapping_sub(0x0b) < 3) | u8::from(byte.wrapping_sub(0x1c) < 3)
    };
    bytes.chunks(1024).any(|chunk| chunk.iter().fold(0, has_break) > 0)
        || memchr2_iter(0xc2, 0xe2, bytes)
            .any(|at| matches!(bytes[at + 1..], [0x85, ..] | [0x80, 0xa8 | 0xa9, ..]))
}

/// The lines of a text, split at every line break of Python's `splitlines`.
pub(crate) fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    let has_other_breaks = has_other_breaks(text);
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = if has_other_breaks {
            rest.find(is_line_break)
        } else {
            memchr(b'\n', rest.as_bytes())
        };
        let Some(end) = end else { return Some(std::mem::take(&mut rest)) };
        let (line, behind) = rest.split_at(end);
        let length = behind.chars().next().map_or(0, char::len_utf8);
        rest = behind.strip_prefix("\r\n").unwrap_or(&behind[length..]);
        Some(line)
    })
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
