//! Merging count files in one pass, each with a weight, in memory that does not depend on how many
//! words they hold.
//!
//! Merges depend on the relation of counts only, so weights are whole numbers: 2 and 3 where a mix
//! asks for 1 and 1.5. No rare word is rounded away, and the result is exact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read, Write};

use super::file::{CountsReader, CountsWriter};
use crate::{Split, WordCounts};

/// The weight that [`temperature_weights`] gives the source it weighs least; others have three
/// digits more than a whole number then.
const LEAST_WEIGHT: f64 = 1000.0;

/// Words of any number of count files, in byte order, with their weighted counts added up.
#[derive(Debug)]
pub struct MergedCounts<R: Read> {
    readers: Vec<(CountsReader<R>, u64)>,
    /// The next word of each reader that has one, its number, and the weighted count.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize, u64)>>,
    word: Vec<u8>,
    split: Option<Split>,
}

impl<R: Read> MergedCounts<R> {
    /// Merges files, each with the number that its counts are multiplied by. Products and sums stop
    /// at [`u64::MAX`].
    ///
    /// # Errors
    /// Those of the readers, and [`io::ErrorKind::InvalidInput`] where the files' splits differ.
    pub fn new(readers: Vec<(CountsReader<R>, u64)>) -> io::Result<Self> {
        let split = readers.first().map(|(reader, _)| reader.split());
        if readers.iter().any(|(reader, _)| Some(reader.split()) != split) {
            let message = "count files of different splits have no words in common";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut merged = Self { readers, heap: BinaryHeap::new(), word: Vec::new(), split };
        for index in 0..merged.readers.len() {
            merged.advance(index, Vec::new())?;
        }
        Ok(merged)
    }

    /// The split that made the words; none where there is no file.
    pub fn split(&self) -> Option<Split> {
        self.split
    }

    /// Puts the next word of a reader into the heap, in the memory of `word`.
    fn advance(&mut self, index: usize, mut word: Vec<u8>) -> io::Result<()> {
        let (reader, weight) = &mut self.readers[index];
        if let Some((next, count)) = reader.next_word()? {
            word.clear();
            word.extend_from_slice(next);
            self.heap.push(Reverse((word, index, count.saturating_mul(*weight))));
        }
        Ok(())
    }

    /// The next word and its count; `None` at the end. Words of weight 0 do not come.
    ///
    /// # Errors
    /// Those of the readers, and [`io::ErrorKind::InvalidData`] where a file is damaged.
    pub fn next_word(&mut self) -> io::Result<Option<(&[u8], u64)>> {
        while let Some(Reverse((mut word, index, mut total))) = self.heap.pop() {
            std::mem::swap(&mut self.word, &mut word);
            self.advance(index, word)?;
            while self.heap.peek().is_some_and(|Reverse((next, ..))| *next == self.word) {
                if let Some(Reverse((same, index, count))) = self.heap.pop() {
                    total = total.saturating_add(count);
                    self.advance(index, same)?;
                }
            }
            if total > 0 {
                return Ok(Some((&self.word, total)));
            }
        }
        Ok(None)
    }

    /// How many pieces were cut in all files; complete once all words have been read.
    pub fn cut_pieces(&self) -> u64 {
        self.readers.iter().map(|(reader, _)| reader.cut_pieces()).sum()
    }

    /// Writes the remaining words as one count file.
    ///
    /// # Errors
    /// Those of the readers and of the writer, and [`io::ErrorKind::InvalidInput`] where there is no
    /// file and so no split.
    pub fn write_to<W: Write>(mut self, out: W) -> io::Result<W> {
        let split = self.split.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "there is no count file to merge")
        })?;
        let mut writer = CountsWriter::new(out, split);
        while let Some((word, count)) = self.next_word()? {
            writer.write(word, count)?;
        }
        writer.finish(self.cut_pieces())
    }
}

impl WordCounts {
    /// Reads a count file into a table, and the split that made its words.
    ///
    /// # Errors
    /// Those of the reader, and [`io::ErrorKind::InvalidData`] where the file is damaged.
    pub fn read_from<R: Read>(input: R) -> io::Result<(Self, Split)> {
        let mut reader = CountsReader::new(input)?;
        let mut counts = Self::new();
        while let Some((word, count)) = reader.next_word()? {
            counts.add(word, count);
        }
        counts.add_cut_pieces(reader.cut_pieces());
        Ok((counts, reader.split()))
    }
}

/// Weights for sources whose words occur `totals` times, such that each source's share of all
/// occurrences becomes proportional to its present share to the power `exponent`: 1 leaves the mix
/// as it is, 0 makes all sources equal; multilingual models take 0.3 to 0.7 (Conneau and Lample
/// 2019, section 3.1; Conneau et al. 2020, section 3.1).
///
/// Weights are whole numbers with at least four digits; a source without words weighs nothing.
pub fn temperature_weights(totals: &[u64], exponent: f64) -> Vec<u64> {
    let factor = |total: u64| (total as f64).powf(exponent - 1.0);
    let factors = totals.iter().filter(|&&total| total > 0).map(|&total| factor(total));
    let least = factors.fold(f64::INFINITY, f64::min);
    let weight = |&total: &u64| {
        if total == 0 { 0 } else { (LEAST_WEIGHT * factor(total) / least).round() as u64 }
    };
    totals.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn file(words: &BTreeMap<Vec<u8>, u64>) -> Vec<u8> {
        let mut writer = CountsWriter::new(Vec::new(), Split::Gpt2);
        for (word, count) in words {
            writer.write(word, *count).unwrap();
        }
        writer.finish(1).unwrap()
    }

    fn words() -> impl Strategy<Value = BTreeMap<Vec<u8>, u64>> {
        prop::collection::btree_map(
            prop_oneof![
                prop::collection::vec(0_u8..3, 1..20),
                prop::collection::vec(any::<u8>(), 1..300)
            ],
            prop_oneof![1_u64..300, any::<u64>().prop_map(|count| count.max(1))],
            0..40,
        )
    }

    proptest! {
        #[test]
        fn files_merge_to_the_weighted_sums(
            parts in prop::collection::vec((words(), 0_u64..5), 1..6),
        ) {
            let mut expected: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            let files: Vec<Vec<u8>> = parts.iter().map(|(words, _)| file(words)).collect();
            let mut readers = Vec::new();
            for ((words, weight), file) in parts.iter().zip(&files) {
                for (word, count) in words {
                    let total = expected.entry(word.clone()).or_default();
                    *total = total.saturating_add(count.saturating_mul(*weight));
                }
                readers.push((CountsReader::new(&file[..]).unwrap(), *weight));
            }
            expected.retain(|_, count| *count > 0);
            let merged = MergedCounts::new(readers).unwrap().write_to(Vec::new()).unwrap();
            let (counts, split) = WordCounts::read_from(&merged[..]).unwrap();
            prop_assert_eq!(split, Split::Gpt2);
            prop_assert_eq!(counts.cut_pieces(), parts.len() as u64);
            prop_assert!(counts.iter_sorted().eq(expected));
        }

        /// Whatever is done to a file, reading it ends, and a change never goes unnoticed.
        #[test]
        fn damage_is_noticed(words in words(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let whole = file(&words);
            let at = at.index(whole.len());
            prop_assert!(WordCounts::read_from(&whole[..at]).is_err());
            let mut damaged = whole;
            damaged[at] ^= flip;
            prop_assert!(WordCounts::read_from(&damaged[..]).is_err());
        }
    }

    #[test]
    fn wrong_use_is_refused() {
        let mut writer = CountsWriter::new(Vec::new(), Split::Gpt2);
        writer.write(b"b", 1).unwrap();
        assert!(writer.write(b"b", 1).is_err() && writer.write(b"a", 1).is_err());
        let of = |split| CountsWriter::new(Vec::new(), split).finish(0).unwrap();
        let (one, other) = (of(Split::Gpt2), of(Split::O200k));
        let readers = [&one, &other].map(|file| (CountsReader::new(&file[..]).unwrap(), 1));
        let error = MergedCounts::new(readers.into()).unwrap_err();
        assert!(error.to_string().contains("splits"), "{error}");
        assert!(MergedCounts::<&[u8]>::new(Vec::new()).unwrap().write_to(Vec::new()).is_err());
    }

    #[test]
    fn temperatures_move_shares() {
        assert_eq!(temperature_weights(&[900, 100, 0], 1.0), [1000, 1000, 0]);
        assert_eq!(temperature_weights(&[900, 100], 0.0), [1000, 9000]);
        assert_eq!(temperature_weights(&[900, 100], 0.5), [1000, 3000]);
        assert!(temperature_weights(&[], 0.3).is_empty());
    }
}
