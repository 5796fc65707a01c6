//! The words and labels of a model, and which rows of its matrix a bucket of n-grams has.

use super::error::ModelError;
use super::reader::{Reader, within};

/// The token that ends a text.
pub(super) const END_OF_TEXT: &[u8] = b"</s>";

/// What the names of labels start with: fastText's default prefix, since a file does not say which
/// one was used. A token that starts so and is not in the dictionary is a label that the model does
/// not have, and is passed over.
pub const LABEL_PREFIX: &str = "__label__";

/// Fewest bytes of an entry in a file: its terminator, its count and its kind.
const MIN_ENTRY_BYTES: u64 = 10;

/// Counts from here on stand for "not built yet" when fastText builds the tree of labels.
pub(super) const MAX_COUNT: i64 = 1_000_000_000_000_000;

/// Sign-extending FNV-1a of 32 bits, the hash of words and subwords: fastText widens each byte as
/// a signed one, so that bytes above 127 differ from the published function.
pub(super) const HASH_START: u32 = 2_166_136_261;

/// One step of the hash.
#[inline]
pub(super) fn hash_step(hash: u32, byte: u8) -> u32 {
    (hash ^ (byte as i8 as u32)).wrapping_mul(16_777_619)
}

/// The hash of a word.
#[inline]
pub(super) fn hash(token: &[u8]) -> u32 {
    token.iter().fold(HASH_START, |hash, &byte| hash_step(hash, byte))
}

/// One word or label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) count: i64,
}

/// Words first, labels after them; a word's number is its row in the input matrix.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dictionary {
    /// All names, one after the other.
    names: Vec<u8>,
    /// Where each name ends in `names`.
    ends: Vec<usize>,
    counts: Vec<i64>,
    word_count: usize,
    token_count: i64,
    table: Table,
    pruned: Option<Pruned>,
}

/// The buckets whose rows were kept by a pruning, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
struct Pruned {
    pairs: Vec<(u32, u32)>,
    rows: Table,
}

impl Dictionary {
    /// A dictionary of `words` and `labels`, none of which occurs twice; `token_count` is the
    /// number of tokens of the texts that they were counted in.
    pub(super) fn new<'a>(
        words: impl ExactSizeIterator<Item = Entry<'a>>,
        labels: impl ExactSizeIterator<Item = Entry<'a>>,
        token_count: i64,
    ) -> Self {
        let word_count = words.len();
        let mut dictionary = Self {
            names: Vec::new(),
            ends: Vec::with_capacity(word_count + labels.len()),
            counts: Vec::with_capacity(word_count + labels.len()),
            word_count,
            token_count,
            table: Table::with_capacity(word_count + labels.len()),
            pruned: None,
        };
        for entry in words.chain(labels) {
            dictionary.push(entry);
        }
        dictionary
    }

    fn push(&mut self, entry: Entry<'_>) {
        let id = self.ends.len() as u32;
        let hash = hash(entry.name);
        self.names.extend_from_slice(entry.name);
        self.ends.push(self.names.len());
        self.counts.push(entry.count);
        // A later entry of the same name takes its place, as in fastText.
        let (names, ends) = (&self.names, &self.ends);
        self.table.insert(hash, id, |other| name_at(names, ends, other as usize) == entry.name);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ModelError> {
        let offset = reader.offset();
        let size =
            reader.count32("the size of the dictionary", 0..=i64::MAX, "no negative number")?;
        let word_count = reader.count32("the number of words", 0..=size as i64, "0 to the size")?;
        let label_count = reader.count32("the number of labels", 1..=i64::MAX, "at least 1")?;
        let sum = word_count as i64 + label_count as i64;
        within("the size of the dictionary", offset, size as i64, sum..=sum, "words plus labels")?;
        let token_count = reader.i64("the number of tokens")?;
        let offset = reader.offset();
        let kept = reader.i64("the number of kept buckets")?;
        within("the number of kept buckets", offset, kept, -1..=i64::from(i32::MAX), "-1 or more")?;
        reader.check("the dictionary", size as u64 * MIN_ENTRY_BYTES)?;
        let empty = || std::iter::empty::<Entry<'_>>();
        let mut dictionary = Self::new(empty(), empty(), token_count);
        dictionary.word_count = word_count;
        dictionary.table = Table::with_capacity(size);
        for id in 0..size {
            let name = reader.string("a word or label")?;
            let offset = reader.offset();
            let count = reader.i64("the count of a word or label")?;
            within("the count of a word or label", offset, count, 0..=MAX_COUNT - 1, "0 to 10^15")?;
            let offset = reader.offset();
            let kind = i64::from(reader.u8("the kind of an entry")?);
            let expected = i64::from(id >= word_count);
            within(
                "the kind of an entry",
                offset,
                kind,
                expected..=expected,
                "words, then labels",
            )?;
            dictionary.push(Entry { name, count });
        }
        if let Ok(kept) = u64::try_from(kept) {
            reader.check("the kept buckets", kept * 8)?;
            let mut pairs = Vec::with_capacity(kept as usize);
            for _ in 0..kept {
                let bucket = reader.count32("a kept bucket", 0..=i64::MAX, "no negative number")?;
                let row =
                    reader.count32("the row of a bucket", 0..=i64::MAX, "no negative number")?;
                pairs.push((bucket as u32, row as u32));
            }
            dictionary.set_kept_buckets(pairs);
        }
        Ok(dictionary)
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        for number in [self.len(), self.word_count, self.label_count()] {
            bytes.extend_from_slice(&(number as i32).to_le_bytes());
        }
        bytes.extend_from_slice(&self.token_count.to_le_bytes());
        let kept = self.pruned.as_ref().map_or(-1, |pruned| pruned.pairs.len() as i64);
        bytes.extend_from_slice(&kept.to_le_bytes());
        for id in 0..self.len() {
            let entry = self.entry(id);
            bytes.extend_from_slice(entry.name);
            bytes.push(0);
            bytes.extend_from_slice(&entry.count.to_le_bytes());
            bytes.push(u8::from(id >= self.word_count));
        }
        for (bucket, row) in self.pruned.iter().flat_map(|pruned| &pruned.pairs) {
            bytes.extend_from_slice(&bucket.to_le_bytes());
            bytes.extend_from_slice(&row.to_le_bytes());
        }
    }

    /// Only the n-grams of these buckets count from now on; each comes with its row, counted from
    /// the end of the words.
    pub(super) fn set_kept_buckets(&mut self, pairs: Vec<(u32, u32)>) {
        let mut rows = Table::with_capacity(pairs.len());
        for &(bucket, row) in &pairs {
            rows.insert(bucket, row, |_| true);
        }
        self.pruned = Some(Pruned { pairs, rows });
    }

    /// Words and labels.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn word_count(&self) -> usize {
        self.word_count
    }

    pub(super) fn label_count(&self) -> usize {
        self.len() - self.word_count
    }

    pub(super) fn token_count(&self) -> i64 {
        self.token_count
    }

    /// Whether only some buckets have rows.
    pub(super) fn is_pruned(&self) -> bool {
        self.pruned.is_some()
    }

    /// The most that a row of a kept bucket may be, plus one; `None` when all buckets have rows.
    pub(super) fn kept_row_end(&self) -> Option<u64> {
        let pruned = self.pruned.as_ref()?;
        Some(pruned.pairs.iter().map(|&(_, row)| u64::from(row) + 1).max().unwrap_or(0))
    }

    /// The word or label with this number.
    pub(super) fn entry(&self, id: usize) -> Entry<'_> {
        Entry { name: name_at(&self.names, &self.ends, id), count: self.counts[id] }
    }

    /// The label with this index.
    pub(super) fn label(&self, index: usize) -> Entry<'_> {
        self.entry(self.word_count + index)
    }

    /// The number of a word or label.
    #[inline]
    pub(super) fn find(&self, hash: u32, token: &[u8]) -> Option<usize> {
        self.table
            .find(hash, |id| name_at(&self.names, &self.ends, id as usize) == token)
            .map(|id| id as usize)
    }

    /// The row of a bucket in the input matrix.
    #[inline]
    pub(super) fn bucket_row(&self, bucket: u32) -> Option<usize> {
        let row = match &self.pruned {
            None => bucket,
            Some(pruned) => pruned.rows.find(bucket, |_| true)?,
        };
        Some(self.word_count + row as usize)
    }
}

#[inline]
fn name_at<'a>(names: &'a [u8], ends: &[usize], id: usize) -> &'a [u8] {
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &names[start..ends[id]]
}

/// An open-addressed table from hashes to numbers. Its slots hold the hash beside the number, so
/// that most wrong slots are told without a look at the names.
#[derive(Debug, Clone, PartialEq)]
struct Table {
    slots: Vec<(u32, u32)>,
    /// Leaves the highest bits of a scrambled hash as the index of a slot.
    shift: u32,
}

/// The number of an empty slot. No dictionary has so many entries: a file counts them in 31 bits.
const EMPTY: u32 = u32::MAX;

impl Table {
    /// A table for so many numbers, at most two thirds full.
    fn with_capacity(count: usize) -> Self {
        let size = (count + count / 2 + 2).next_power_of_two();
        Self { slots: vec![(0, EMPTY); size], shift: 32 - size.ilog2().min(32) }
    }

    #[inline]
    fn first_slot(&self, hash: u32) -> usize {
        // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4).
        (u64::from(hash.wrapping_mul(0x9E37_79B1)) >> self.shift) as usize
    }

    fn insert(&mut self, hash: u32, number: u32, same: impl Fn(u32) -> bool) {
        let mut slot = self.first_slot(hash);
        while self.slots[slot].1 != EMPTY
            && !(self.slots[slot].0 == hash && same(self.slots[slot].1))
        {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = (hash, number);
    }

    #[inline]
    fn find(&self, hash: u32, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mut slot = self.first_slot(hash);
        loop {
            let (other, number) = self.slots[slot];
            if number == EMPTY {
                return None;
            }
            if other == hash && same(number) {
                return Some(number);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}
