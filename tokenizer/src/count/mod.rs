//! Counting words: how often each distinct piece of the corpus occurs.
//!
//! Words of up to 15 bytes are stored inline in an open-addressing table of 24-byte slots. The few
//! longer ones share one arena. Nothing is allocated per occurrence or per word.

mod file;
mod merge;

use std::hash::Hasher;
use std::io::{self, Write};

use rustc_hash::FxHasher;

pub use self::file::{CountsReader, CountsWriter};
pub use self::merge::{MergedCounts, temperature_weights};
use crate::Split;
use crate::batch::PieceBatch;
use crate::key::Key;
use crate::split::BATCH;

/// The longest word, in bytes. A longer piece is cut at character boundaries and counted as several
/// words, so that one corrupted document without a space cannot make training slow.
/// [`CountsReader::cut_pieces`] is the number of such pieces.
pub const MAX_WORD_BYTES: usize = 4096;

/// Slots of a table when its first word is added.
const FIRST_SLOTS: usize = 1024;

/// A short word and its count; the count 0 marks an empty slot.
#[derive(Debug, Clone, Copy, Default)]
struct ShortSlot {
    key: Key,
    count: u64,
}

/// A long word: its place in the arena, its hash and its count.
#[derive(Debug, Clone, Copy)]
struct LongWord {
    start: usize,
    length: u32,
    hash: u32,
    count: u64,
}

/// A table of distinct words and their counts, in `u64`.
///
/// The counts of the parts of a corpus can be [merged](WordCounts::merge) in any order.
#[derive(Debug, Clone, Default)]
pub struct WordCounts {
    short_slots: Vec<ShortSlot>,
    short_words: usize,
    long_slots: Vec<u32>,
    long_words: Vec<LongWord>,
    arena: Vec<u8>,
    cut_pieces: u64,
}

impl WordCounts {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Splits `text` into pieces and counts each of them as a word.
    ///
    /// Pieces never cross the end of `text`, so lines and whole documents give different words. To
    /// get the merges of Hugging Face's `train(files)`, add each line with its newline.
    pub fn add_text(&mut self, split: Split, text: &str) {
        let mut batch = PieceBatch::new(split, text);
        let mut known = [false; BATCH];
        while batch.refill() {
            self.make_room(BATCH);
            let mask = self.short_slots.len() - 1;
            for (known, (key, hash)) in known.iter_mut().zip(batch.keys()) {
                *known = self.short_slots[hash as usize & mask].key == key && !key.is_empty();
            }
            for (at, ((key, hash), known)) in batch.keys().zip(known).enumerate() {
                if known {
                    let slot = &mut self.short_slots[hash as usize & mask];
                    slot.count = slot.count.saturating_add(1);
                } else if key.is_empty() {
                    self.add_long_piece(batch.piece(at));
                } else {
                    self.add_short(key, hash, 1);
                }
            }
        }
    }

    /// Counts a piece that is too long for a key, as several words if it is longer than
    /// [`MAX_WORD_BYTES`].
    fn add_long_piece(&mut self, mut piece: &str) {
        self.cut_pieces += u64::from(piece.len() > MAX_WORD_BYTES);
        while piece.len() > MAX_WORD_BYTES {
            let (word, rest) = piece.split_at(piece.floor_char_boundary(MAX_WORD_BYTES));
            self.add(word.as_bytes(), 1);
            piece = rest;
        }
        self.add(piece.as_bytes(), 1);
    }

    /// Adds `count` occurrences of `word`. Empty words and counts of 0 are ignored; sums saturate
    /// at [`u64::MAX`].
    #[inline]
    pub(crate) fn add(&mut self, word: &[u8], count: u64) {
        match Key::new(word) {
            Some(key) => {
                self.make_room(1);
                self.add_short(key, key.hash(), count);
            }
            None => self.add_long(word, count),
        }
    }

    /// Makes room for `words` more short words, so that the table stays at most three quarters
    /// full.
    #[inline]
    fn make_room(&mut self, words: usize) {
        while (self.short_words + words) * 4 >= self.short_slots.len() * 3 {
            self.grow_short();
        }
    }

    /// Adds a short word. There must be room for it.
    #[inline]
    fn add_short(&mut self, key: Key, hash: u64, count: u64) {
        if count == 0 || key.is_empty() {
            return;
        }
        let mask = self.short_slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = &mut self.short_slots[at];
            if slot.key == key {
                slot.count = slot.count.saturating_add(count);
                return;
            }
            if slot.count == 0 {
                *slot = ShortSlot { key, count };
                self.short_words += 1;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow_short(&mut self) {
        let size = (self.short_slots.len() * 2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.short_slots, vec![ShortSlot::default(); size]);
        for slot in old.into_iter().filter(|slot| slot.count != 0) {
            let mut at = slot.key.hash() as usize & (size - 1);
            while self.short_slots[at].count != 0 {
                at = (at + 1) & (size - 1);
            }
            self.short_slots[at] = slot;
        }
    }

    fn add_long(&mut self, word: &[u8], count: u64) {
        if count == 0 {
            return;
        }
        if self.long_words.len() * 4 >= self.long_slots.len() * 3 {
            self.grow_long();
        }
        let hash = long_hash(word);
        let at = match self.find_long(word, hash) {
            Ok(index) => {
                let entry = &mut self.long_words[index];
                entry.count = entry.count.saturating_add(count);
                return;
            }
            Err(at) => at,
        };
        let start = self.arena.len();
        self.arena.extend_from_slice(word);
        self.long_words.push(LongWord { start, length: word.len() as u32, hash, count });
        self.long_slots[at] = self.long_words.len() as u32;
    }

    /// The index of a long word, or the slot where it belongs. There must be slots.
    fn find_long(&self, word: &[u8], hash: u32) -> Result<usize, usize> {
        let mask = self.long_slots.len() - 1;
        let mut at = hash as usize & mask;
        // A slot holds the index of its word plus one; 0 marks an empty slot.
        while let Some(index) = (self.long_slots[at] as usize).checked_sub(1) {
            let entry = &self.long_words[index];
            if entry.hash == hash && self.long_bytes(entry) == word {
                return Ok(index);
            }
            at = (at + 1) & mask;
        }
        Err(at)
    }

    fn long_bytes(&self, word: &LongWord) -> &[u8] {
        &self.arena[word.start..word.start + word.length as usize]
    }

    #[cold]
    fn grow_long(&mut self) {
        let size = (self.long_slots.len() * 2).max(FIRST_SLOTS);
        self.long_slots = vec![0; size];
        for (index, word) in self.long_words.iter().enumerate() {
            let mut at = word.hash as usize & (size - 1);
            while self.long_slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.long_slots[at] = index as u32 + 1;
        }
    }

    /// Adds all words of `other`.
    pub fn merge(&mut self, other: &Self) {
        for slot in &other.short_slots {
            self.make_room(1);
            self.add_short(slot.key, slot.key.hash(), slot.count);
        }
        for word in &other.long_words {
            self.add_long(other.long_bytes(word), word.count);
        }
        self.cut_pieces = self.cut_pieces.saturating_add(other.cut_pieces);
    }

    /// Writes all words as a count file and empties the table, which keeps its memory. The words
    /// are sorted in place, so this needs no extra memory.
    ///
    /// # Errors
    /// Those of the writer. The words are lost in that case.
    pub fn write_to<W: Write>(&mut self, split: Split, out: W) -> io::Result<()> {
        let mut writer = CountsWriter::new(out, split);
        let result = self.visit_sorted(|word, count| writer.write(word, count));
        let cut_pieces = self.cut_pieces;
        self.clear();
        result?;
        writer.finish(cut_pieces)?;
        Ok(())
    }

    /// Calls `visit` for every word in byte order. Afterwards the tables are unusable until
    /// [`WordCounts::clear`].
    fn visit_sorted<E>(
        &mut self,
        mut visit: impl FnMut(&[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut short_words = 0;
        for at in 0..self.short_slots.len() {
            if self.short_slots[at].count != 0 {
                self.short_slots.swap(short_words, at);
                short_words += 1;
            }
        }
        let shorts = &mut self.short_slots[..short_words];
        shorts.sort_unstable_by_key(|slot| slot.key.sortable());
        let Self { arena, long_words, .. } = self;
        let bytes = |word: &LongWord| &arena[word.start..word.start + word.length as usize];
        long_words.sort_unstable_by(|a, b| bytes(a).cmp(bytes(b)));
        let mut longs = long_words.iter().peekable();
        for slot in shorts {
            let key = slot.key.bytes();
            let word = &key[..slot.key.len()];
            while let Some(long) = longs.next_if(|long| bytes(long) < word) {
                visit(bytes(long), long.count)?;
            }
            visit(word, slot.count)?;
        }
        longs.try_for_each(|long| visit(bytes(long), long.count))
    }

    fn clear(&mut self) {
        self.short_slots.fill(ShortSlot::default());
        self.short_words = 0;
        self.long_slots.fill(0);
        self.long_words.clear();
        self.arena.clear();
        self.cut_pieces = 0;
    }

    /// The number of distinct words.
    pub fn len(&self) -> usize {
        self.short_words + self.long_words.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` for every word of several tables with the sum of its counts. The order depends
    /// on the order in which the words were added. This gives the same as merging the tables, but
    /// takes no memory.
    pub(crate) fn for_each_of(tables: &[Self], mut visit: impl FnMut(&[u8], u64)) {
        for (number, table) in tables.iter().enumerate() {
            let (former, later) = (&tables[..number], &tables[number + 1..]);
            for slot in table.short_slots.iter().filter(|slot| slot.count != 0) {
                let hash = slot.key.hash();
                let count = |table: &Self| table.short_count(slot.key, hash);
                if former.iter().all(|table| count(table) == 0) {
                    let sum = later.iter().map(count).fold(slot.count, u64::saturating_add);
                    visit(&slot.key.bytes()[..slot.key.len()], sum);
                }
            }
            for word in &table.long_words {
                let bytes = table.long_bytes(word);
                let count = |table: &Self| table.long_count(bytes, word.hash);
                if former.iter().all(|table| count(table) == 0) {
                    let sum = later.iter().map(count).fold(word.count, u64::saturating_add);
                    visit(bytes, sum);
                }
            }
        }
    }

    #[inline]
    fn short_count(&self, key: Key, hash: u64) -> u64 {
        let Some(mask) = self.short_slots.len().checked_sub(1) else { return 0 };
        let mut at = hash as usize & mask;
        while self.short_slots[at].count != 0 && self.short_slots[at].key != key {
            at = (at + 1) & mask;
        }
        self.short_slots[at].count
    }

    fn long_count(&self, word: &[u8], hash: u32) -> u64 {
        if self.long_slots.is_empty() {
            return 0;
        }
        self.find_long(word, hash).map_or(0, |index| self.long_words[index].count)
    }

    /// The number of bytes of all distinct words together.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.len() + self.short_slots.iter().map(|slot| slot.key.len()).sum::<usize>()
    }

    /// The memory that the tables and the arena take, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.short_slots.capacity() * size_of::<ShortSlot>()
            + self.long_slots.capacity() * size_of::<u32>()
            + self.long_words.capacity() * size_of::<LongWord>()
            + self.arena.capacity()
    }
}

/// The hash of a word in the table of long words.
fn long_hash(word: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(word);
    (hasher.finish() >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The words with their counts in byte order.
    fn sorted(counts: &WordCounts) -> Vec<(Vec<u8>, u64)> {
        let mut words = Vec::new();
        let mut visit = |word: &[u8], count| words.push((word.to_vec(), count));
        WordCounts::for_each_of(std::slice::from_ref(counts), &mut visit);
        words.sort_unstable();
        words
    }

    fn total(counts: &WordCounts) -> u64 {
        sorted(counts).iter().map(|(_, count)| count).sum()
    }

    proptest! {
        #[test]
        fn counts_equal_a_map_and_merge_in_any_order(
            words in prop::collection::vec("[ab]{0,20}", 0..60), cut in 0_usize..60,
        ) {
            let mut expected = BTreeMap::new();
            let mut parts = [WordCounts::new(), WordCounts::new()];
            for (index, word) in words.iter().enumerate() {
                parts[usize::from(index < cut)].add(word.as_bytes(), 3);
                if !word.is_empty() {
                    *expected.entry(word.clone().into_bytes()).or_insert(0) += 3;
                }
            }
            let mut together = BTreeMap::new();
            WordCounts::for_each_of(&parts, |word, count| {
                assert_eq!(together.insert(word.to_vec(), count), None);
            });
            prop_assert_eq!(&together, &expected);
            let [mut left, mut right] = parts.clone();
            left.merge(&parts[1]);
            right.merge(&parts[0]);
            prop_assert_eq!(sorted(&left), expected.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(sorted(&right), sorted(&left));
            prop_assert_eq!(left.len(), expected.len());
        }
    }

    #[test]
    fn many_words_survive_growth() {
        let mut counts = WordCounts::new();
        for number in 0..5000_u64 {
            counts.add(format!("{number}").as_bytes(), number + 1);
            counts.add(format!("a word of more than 15 bytes {number}").as_bytes(), number + 1);
        }
        assert_eq!(counts.len(), 10_000);
        assert_eq!(total(&counts), 5000 * 5001);
        assert!(counts.memory_bytes() > 10_000 * 24);
        assert!(sorted(&counts).contains(&(b"4999".to_vec(), 5000)));
    }

    #[test]
    fn long_pieces_are_cut_at_characters() {
        let mut counts = WordCounts::new();
        counts.add_text(Split::Gpt4, &"日".repeat(2000));
        assert_eq!((counts.cut_pieces, total(&counts), counts.len()), (1, 2, 2));
        assert!(sorted(&counts).iter().all(|(word, _)| std::str::from_utf8(word).is_ok()));
    }
}
