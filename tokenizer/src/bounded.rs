//! Counting within a memory limit: a table that would grow beyond it is put aside as a sorted run,
//! a count file, and begins anew. Merging the runs gives the exact counts, whatever the limit.

use std::io::{self, Write};

use crate::{Split, WordCounts};

/// Where runs are put aside: files of one directory, say. `open` is called for each run with its
/// number, from 0; what was opened is flushed and dropped when the run is whole.
///
/// A closure from the number to an open file is such a place.
pub trait RunStore {
    /// What a run is written to.
    type Run: Write;

    /// Opens a new run.
    ///
    /// # Errors
    /// Whatever keeps the run from being opened.
    fn open(&mut self, number: usize) -> io::Result<Self::Run>;
}

impl<W: Write, F: FnMut(usize) -> io::Result<W>> RunStore for F {
    type Run = W;

    fn open(&mut self, number: usize) -> io::Result<W> {
        self(number)
    }
}

/// Word counts that hold at most so many bytes of memory.
#[derive(Debug)]
pub struct BoundedCounts<S> {
    counts: WordCounts,
    split: Split,
    memory_limit_bytes: usize,
    store: S,
    runs: usize,
}

impl<S: RunStore> BoundedCounts<S> {
    /// No words. The limit covers the tables while they grow, and nothing below about 300 KB is
    /// kept to: that is what the smallest tables take.
    pub fn new(split: Split, memory_limit_bytes: usize, store: S) -> Self {
        Self { counts: WordCounts::new(), split, memory_limit_bytes, store, runs: 0 }
    }

    /// Cuts pieces of more bytes: see [`WordCounts::with_max_word_bytes`]. To be called first.
    #[must_use]
    pub fn with_max_word_bytes(self, max_word_bytes: usize) -> Self {
        Self { counts: WordCounts::with_max_word_bytes(max_word_bytes), ..self }
    }

    /// Splits `text` and counts its pieces: see [`WordCounts::add_text`].
    ///
    /// # Errors
    /// Those of the store and its runs. What was counted of the text is then uncertain.
    pub fn add_text(&mut self, text: &str) -> io::Result<()> {
        let Self { counts, split, memory_limit_bytes, store, runs } = self;
        counts.add_text_checked(*split, text, &mut |counts| {
            if counts.may_exceed(*memory_limit_bytes) {
                counts.write_to(*split, store.open(*runs)?)?;
                *runs += 1;
            }
            Ok(())
        })
    }

    /// Puts the words since the last run aside too, and returns how many runs there are.
    ///
    /// # Errors
    /// Those of the store and its runs.
    pub fn finish(mut self) -> io::Result<usize> {
        if !self.counts.is_empty() || self.runs == 0 {
            self.counts.write_to(self.split, self.store.open(self.runs)?)?;
            self.runs += 1;
        }
        Ok(self.runs)
    }

    /// How many runs have been put aside so far.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// How many bytes of memory the tables hold now.
    pub fn memory_bytes(&self) -> usize {
        self.counts.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CountsReader, MergedCounts};
    use std::cell::RefCell;

    /// A run that shows its bytes to the store when it is written to.
    struct Shared<'a>(&'a RefCell<Vec<Vec<u8>>>, usize);

    impl Write for Shared<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut()[self.1].extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn runs_add_up_to_the_unlimited_counts() {
        let limit = 300_000;
        let runs = RefCell::new(Vec::new());
        let open = |number| {
            runs.borrow_mut().push(Vec::new());
            Ok(Shared(&runs, number))
        };
        let mut bounded = BoundedCounts::new(Split::Gpt4, limit, open);
        let mut unlimited = WordCounts::new();
        let mut peak = 0;
        for number in 0..30_000 {
            let letters: String =
                number.to_string().bytes().map(|digit| char::from(digit + b'a' - b'0')).collect();
            let text = format!("the {} {letters} averylongword{letters}", number % 7);
            bounded.add_text(&text).unwrap();
            unlimited.add_text(Split::Gpt4, &text);
            peak = peak.max(bounded.memory_bytes());
        }
        let endless = "日".repeat(200_000);
        bounded.add_text(&endless).unwrap();
        unlimited.add_text(Split::Gpt4, &endless);
        let count = bounded.finish().unwrap();
        assert!(count > 5 && peak <= limit, "{count} runs, {peak} bytes");
        let runs = runs.into_inner();
        let readers = runs.iter().map(|run| (CountsReader::new(&run[..]).unwrap(), 1)).collect();
        let merged = MergedCounts::new(readers).unwrap().write_to(Vec::new()).unwrap();
        let (counts, _) = WordCounts::read_from(&merged[..]).unwrap();
        assert!(counts.iter_sorted().eq(unlimited.iter_sorted()));
        assert_eq!(counts.cut_pieces(), unlimited.cut_pieces());
        let mut direct = Vec::new();
        unlimited.write_to(Split::Gpt4, &mut direct).unwrap();
        assert_eq!(direct, merged);
        assert!(unlimited.is_empty());
    }
}
