//! Finds the windows of tokens that occur more than once in the corpus.

use rayon::prelude::*;
use store::Scratch;

use crate::by_part::{ByPart, ByPartWriter, number};
use crate::error::Result;
use crate::mix::mix;
use crate::sort::Sorter;

/// Bytes of a sorted row: hash 16, document 8, position 4, part 4.
const ROW_BYTES: usize = 32;

/// Bytes of a row of the result: document 8, position 4.
const PLACE_BYTES: usize = 12;

/// The Mersenne prime 2^61 - 1, the modulus of the polynomials that hash windows.
const MODULUS: u64 = (1 << 61) - 1;

/// The points at which the two polynomials are evaluated, which are arbitrary numbers below the
/// modulus.
const BASES: [u64; 2] = [0x0B3C_51E6_70AD_942F, 0x1746_8F3D_A1C2_05EB];

/// A window of a document that may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The hash of its tokens. Two windows with the same hash are considered equal.
    pub hash: u128,
    /// The index of its first word in the document.
    pub position: u32,
}

/// Which occurrences of a repeated window are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kept {
    /// The first: in the document with the smallest ordinal, at the smallest position.
    #[default]
    First,
    /// None: all occurrences count as repeated, as in the tool of Lee et al.
    None,
}

/// The hashes of successive windows of a document.
pub(super) struct WindowHashes<'a> {
    tokens: &'a [u64],
    window_tokens: usize,
    next: usize,
    polynomials: [Polynomial; 2],
}

impl<'a> WindowHashes<'a> {
    pub(super) fn new(tokens: &'a [u64], window_tokens: usize) -> Self {
        let mut polynomials = BASES.map(|base| Polynomial::new(base, window_tokens));
        for &token in tokens.iter().take(window_tokens - 1) {
            polynomials[0].push(token);
            polynomials[1].push(mix(token));
        }
        Self { tokens, window_tokens, next: 0, polynomials }
    }

    /// Returns the hash of the next window. There must be one.
    pub(super) fn next_window(&mut self) -> u128 {
        let token = self.tokens[self.next + self.window_tokens - 1];
        let first = self.tokens[self.next];
        let [low, high] = &mut self.polynomials;
        // The second polynomial has other tokens as well as another base, which makes the two
        // hashes independent.
        low.push(token);
        high.push(mix(token));
        // The sorter needs uniform leading bytes. `mix` is a permutation, so no bits are lost.
        let hash = u128::from(mix(high.value)) << 64 | u128::from(low.value);
        low.pop(first);
        high.pop(mix(first));
        self.next += 1;
        hash
    }
}

/// A rolling hash: the sum of `token_i * base^(n - 1 - i)` modulo [`MODULUS`] (Karp and Rabin
/// 1987).
struct Polynomial {
    value: u64,
    base: u64,
    /// `base^(n - 1)`, the factor of the first token.
    first_factor: u64,
}

impl Polynomial {
    fn new(base: u64, tokens: usize) -> Self {
        let first_factor = (1..tokens).fold(1, |power, _| times(power, base));
        Self { value: 0, base, first_factor }
    }

    fn push(&mut self, token: u64) {
        self.value = reduce(u128::from(times(self.value, self.base)) + u128::from(token));
    }

    fn pop(&mut self, token: u64) {
        let part = times(reduce(u128::from(token)), self.first_factor);
        self.value = reduce(u128::from(self.value) + u128::from(MODULUS - part));
    }
}

fn times(a: u64, b: u64) -> u64 {
    reduce(u128::from(a) * u128::from(b))
}

/// Returns the remainder of a number below 2^122 modulo [`MODULUS`], without a division: 2^61 is 1
/// modulo 2^61 - 1.
fn reduce(value: u128) -> u64 {
    let sum = (value as u64 & MODULUS) + (value >> 61) as u64;
    let sum = (sum & MODULUS) + (sum >> 61);
    if sum >= MODULUS { sum - MODULUS } else { sum }
}

/// Collects the windows of all documents, one part after another.
///
/// Of equal windows in one part only the first is sorted, so a window takes at most as many rows as
/// there are parts. If parts are interleaved, there are more rows but the same result.
pub struct WindowSorter {
    kept: Kept,
    sorter: Sorter<ROW_BYTES>,
    repeated: ByPartWriter<PLACE_BYTES>,
    /// The current part, and the hashes, documents and positions of its windows.
    part: u32,
    held: Vec<(u128, u64, u32)>,
    windows: u64,
}

impl WindowSorter {
    /// Makes a sorter for about `windows_expected` windows of all documents, which uses about
    /// `memory_bytes` of memory, plus the windows of one part. A wrong expectation costs time or
    /// memory, but does not change the result.
    ///
    /// # Errors
    /// When a scratch file cannot be made.
    pub fn new(
        scratch: &Scratch,
        kept: Kept,
        windows_expected: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        Ok(Self {
            kept,
            sorter: Sorter::new(scratch, "windows", windows_expected, memory_bytes / 4 * 3)?,
            repeated: ByPartWriter::new(scratch, "windows-repeated", memory_bytes / 4)?,
            part: 0,
            held: Vec::new(),
            windows: 0,
        })
    }

    /// Adds the windows that [`Substrings::windows`](super::Substrings::windows) found in the
    /// document with the index `ordinal` in the input, which belongs to `part`.
    ///
    /// # Errors
    /// When a scratch file cannot be written.
    pub fn push(
        &mut self,
        part: u32,
        ordinal: u64,
        windows: impl IntoIterator<Item = Window>,
    ) -> Result<()> {
        if part != self.part {
            self.end_part()?;
            self.part = part;
        }
        self.held.extend(windows.into_iter().map(|window| (window.hash, ordinal, window.position)));
        Ok(())
    }

    /// Finds the windows that are repeated within the current part. The first of each group of
    /// equal windows is sorted, to be compared with those of other parts.
    fn end_part(&mut self) -> Result<()> {
        self.windows += self.held.len() as u64;
        self.held.par_sort_unstable();
        for group in self.held.chunk_by(|a, b| a.0 == b.0) {
            let (hash, ordinal, position) = group[0];
            let mut row = [0; ROW_BYTES];
            row[..16].copy_from_slice(&hash.to_be_bytes());
            row[16..28].copy_from_slice(&place(ordinal, position));
            row[28..].copy_from_slice(&self.part.to_be_bytes());
            self.sorter.push(row)?;
            let is_first_kept = group.len() == 1 || self.kept == Kept::First;
            for (_, ordinal, position) in group.iter().skip(usize::from(is_first_kept)) {
                self.repeated.push(self.part, place(*ordinal, *position))?;
            }
        }
        self.held.clear();
        Ok(())
    }

    /// Ends the input and finds the repeated windows.
    ///
    /// # Errors
    /// When a scratch file cannot be written or read.
    pub fn finish(mut self) -> Result<RepeatedWindows> {
        self.end_part()?;
        // Returns the buffer's memory before the sort needs it.
        self.held = Vec::new();
        let sorted = self.sorter.finish()?;
        let first_kept = usize::from(self.kept == Kept::First);
        let repeated_of_partition = |rows: &[[u8; ROW_BYTES]]| {
            let groups = rows.chunk_by(|a, b| a[..16] == b[..16]);
            let repeated = groups.filter(|group| group.len() > 1).flat_map(|g| &g[first_kept..]);
            Ok(repeated.copied().collect::<Vec<_>>())
        };
        let repeated = &mut self.repeated;
        sorted.map_in_order(repeated_of_partition, |rows| {
            rows.iter().try_for_each(|row| {
                let place = place(number(&row[16..24]), number(&row[24..28]) as u32);
                repeated.push(number(&row[28..]) as u32, place)
            })
        })?;
        Ok(RepeatedWindows {
            windows: self.windows,
            rows: sorted.rows(),
            by_part: self.repeated.finish()?,
        })
    }
}

/// Makes a row from a document and a position in it. Rows sort by both.
fn place(ordinal: u64, position: u32) -> [u8; PLACE_BYTES] {
    let mut place = [0; PLACE_BYTES];
    place[..8].copy_from_slice(&ordinal.to_be_bytes());
    place[8..].copy_from_slice(&position.to_be_bytes());
    place
}

/// The repeated windows of every part.
pub struct RepeatedWindows {
    windows: u64,
    rows: u64,
    by_part: ByPart<PLACE_BYTES>,
}

impl RepeatedWindows {
    /// The number of windows that were added.
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// The number of sorted rows: the distinct windows of each part, summed over all parts.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the repeated windows of a part's documents.
    ///
    /// # Errors
    /// When a scratch file cannot be read.
    pub fn of_part(&self, part: u32) -> Result<PartWindows> {
        let places = self.by_part.of_part(part)?.into_iter();
        let split = |place: [u8; PLACE_BYTES]| (number(&place[..8]), number(&place[8..]) as u32);
        let (ordinals, positions) = places.map(split).unzip();
        Ok(PartWindows { ordinals, positions })
    }
}

/// The repeated windows of one part's documents.
#[derive(Debug, Default, Clone)]
pub struct PartWindows {
    /// For each of the positions, the ordinal of its document; ascending.
    ordinals: Vec<u64>,
    positions: Vec<u32>,
}

impl PartWindows {
    /// Returns the positions of a document's repeated windows, ascending, for
    /// [`Substrings::spans`](super::Substrings::spans).
    pub fn of_document(&self, ordinal: u64) -> &[u32] {
        let start = self.ordinals.partition_point(|&other| other < ordinal);
        let end = self.ordinals.partition_point(|&other| other <= ordinal);
        &self.positions[start..end]
    }
}
