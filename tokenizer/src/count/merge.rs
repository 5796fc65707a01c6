//! Merging count files in one pass, each with a weight. The memory does not depend on the number of
//! words.
//!
//! Merges depend only on the ratios of counts, so weights are whole numbers: 2 and 3 for a mix of 1
//! and 1.5. The result is exact, and no rare word is rounded away.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io::{self, Read, Write};

use super::file::{CountsReader, CountsWriter};
use crate::Split;

/// The smallest weight that [`temperature_weights`] returns. It keeps three more digits of the
/// ratios than a smallest weight of 1 would.
const LEAST_WEIGHT: f64 = 1000.0;

/// The words of several count files in byte order, with the sums of their weighted counts.
#[derive(Debug)]
pub struct MergedCounts<R: Read> {
    readers: Vec<(CountsReader<R>, u64)>,
    /// The next word of each reader that has one, the index of the reader, and the weighted count.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize, u64)>>,
    word: Vec<u8>,
    split: Option<Split>,
}

impl<R: Read> MergedCounts<R> {
    /// Merges files, each with the weight by which its counts are multiplied. Products and sums
    /// saturate at [`u64::MAX`].
    ///
    /// # Errors
    /// Those of the readers, and [`io::ErrorKind::InvalidInput`] if the splits of the files differ.
    pub fn new(readers: Vec<(CountsReader<R>, u64)>) -> io::Result<Self> {
        let split = readers.first().map(|(reader, _)| reader.split());
        if readers.iter().any(|(reader, _)| Some(reader.split()) != split) {
            let message = "count files with different splits cannot be merged";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut merged = Self { readers, heap: BinaryHeap::new(), word: Vec::new(), split };
        for index in 0..merged.readers.len() {
            merged.advance(index, Vec::new())?;
        }
        Ok(merged)
    }

    /// The split that made the words; `None` if there is no file.
    pub fn split(&self) -> Option<Split> {
        self.split
    }

    /// Pushes the next word of a reader into the heap, reusing the memory of `word`.
    fn advance(&mut self, index: usize, mut word: Vec<u8>) -> io::Result<()> {
        let (reader, weight) = &mut self.readers[index];
        if let Some((next, count)) = reader.next_word()? {
            word.clear();
            word.extend_from_slice(next);
            self.heap.push(Reverse((word, index, count.saturating_mul(*weight))));
        }
        Ok(())
    }

    /// Reads the next word and its weighted count, or `None` at the end. Words whose weighted count
    /// is 0 are skipped.
    ///
    /// # Errors
    /// Those of the readers, and [`io::ErrorKind::InvalidData`] if a file is damaged.
    pub fn next_word(&mut self) -> io::Result<Option<(&[u8], u64)>> {
        while let Some(Reverse((mut word, index, mut total))) = self.heap.pop() {
            std::mem::swap(&mut self.word, &mut word);
            self.advance(index, word)?;
            loop {
                let next = self.heap.peek_mut().filter(|next| next.0.0 == self.word);
                let Some(Reverse((same, index, count))) = next.map(PeekMut::pop) else { break };
                total = total.saturating_add(count);
                self.advance(index, same)?;
            }
            if total > 0 {
                return Ok(Some((&self.word, total)));
            }
        }
        Ok(None)
    }

    /// Writes the remaining words as one count file.
    ///
    /// # Errors
    /// Those of the readers and of the writer, and [`io::ErrorKind::InvalidInput`] if there is no
    /// file, and so no split.
    pub fn write_to<W: Write>(mut self, out: W) -> io::Result<W> {
        let split = self.split.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "there is no count file to merge")
        })?;
        let mut writer = CountsWriter::new(out, split);
        while let Some((word, count)) = self.next_word()? {
            writer.write(word, count)?;
        }
        writer.finish(self.readers.iter().map(|(reader, _)| reader.cut_pieces()).sum())
    }
}

/// Returns a weight for each source; the words of source i occur `totals[i]` times. With these
/// weights, the share of each source in all occurrences is proportional to its unweighted share to
/// the power `exponent`: 1 leaves the mix unchanged, 0 makes all sources equal. Multilingual models
/// use 0.3 to 0.7 (Conneau and Lample 2019, section 3.1; Conneau et al. 2020, section 3.1).
///
/// Weights are whole numbers of at least four digits; a source without words has the weight 0.
///
/// ```
/// assert_eq!(tokenizer::temperature_weights(&[900, 100], 0.5), [1000, 3000]);
/// ```
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

    /// All words of a file and the number of pieces that were cut.
    fn read(file: &[u8]) -> io::Result<(BTreeMap<Vec<u8>, u64>, u64)> {
        let mut reader = CountsReader::new(file)?;
        let mut words = BTreeMap::new();
        while let Some((word, count)) = reader.next_word()? {
            words.insert(word.to_vec(), count);
        }
        Ok((words, reader.cut_pieces()))
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
            prop_assert_eq!(CountsReader::new(&merged[..]).unwrap().split(), Split::Gpt2);
            prop_assert_eq!(read(&merged).unwrap(), (expected, parts.len() as u64));
        }

        /// Reading a damaged file always ends, and always with an error.
        #[test]
        fn damage_is_noticed(words in words(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let whole = file(&words);
            let at = at.index(whole.len());
            prop_assert!(read(&whole[..at]).is_err());
            let mut damaged = whole;
            damaged[at] ^= flip;
            prop_assert!(read(&damaged).is_err());
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
