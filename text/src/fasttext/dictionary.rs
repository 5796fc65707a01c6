//! The words and labels of a model, and the rows of its input matrix.

use super::error::ModelError;
use super::reader::{Reader, within};

/// The token that fastText appends to every text.
pub(super) const END_OF_TEXT: &[u8] = b"</s>";

/// The prefix of label names. It is fastText's default; a file does not say which prefix was used.
/// A token that has the prefix but is not in the dictionary is an unknown label, and is ignored.
pub(crate) const LABEL_PREFIX: &str = "__label__";

/// Minimum size of an entry in a file: its terminator, its count and its kind.
const MIN_ENTRY_BYTES: u64 = 10;

/// Counts must be below this. fastText gives it to the inner nodes of the tree of labels that are
/// not built yet, so that they are merged last.
pub(super) const MAX_COUNT: i64 = 1_000_000_000_000_000;

/// Start value of the hash of words and subwords: 32-bit FNV-1a. fastText sign-extends each byte,
/// so hashes of bytes above 127 differ from the published function.
pub(super) const HASH_START: u32 = 2_166_136_261;

/// Adds a byte to the hash.
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

/// Words first, then labels. The id of a word is its row in the input matrix.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dictionary {
    /// All names, concatenated.
    names: Vec<u8>,
    /// Where each name ends in `names`.
    ends: Vec<usize>,
    counts: Vec<i64>,
    word_count: usize,
    token_count: i64,
    table: Table,
    pruned: Option<Pruned>,
}

/// The buckets of n-grams that still have a row in a pruned model.
#[derive(Debug, Clone, PartialEq)]
struct Pruned {
    /// Buckets and their rows, in the order of the file.
    pairs: Vec<(u32, u32)>,
    rows: Table,
}

impl Dictionary {
    /// A dictionary of distinct `words` and `labels`; `token_count` is the number of tokens of the
    /// texts in which they were counted.
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
        // An earlier entry with the same name is replaced, as in fastText.
        let (names, ends) = (&self.names, &self.ends);
        self.table.insert(hash, id, |other| name_at(names, ends, other as usize) == entry.name);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ModelError> {
        let offset = reader.offset();
        let size = reader.count32("the size of the dictionary", 0..=i64::MAX, "0 or more")?;
        let expected = "0 to the size of the dictionary";
        let word_count = reader.count32("the number of words", 0..=size as i64, expected)?;
        let label_count = reader.count32("the number of labels", 1..=i64::MAX, "1 or more")?;
        let sum = word_count as i64 + label_count as i64;
        let expected = "the number of words and labels";
        within("the size of the dictionary", offset, size as i64, sum..=sum, expected)?;
        let token_count = reader.i64("the number of tokens")?;
        let offset = reader.offset();
        let kept = reader.i64("the number of kept buckets")?;
        within("the number of kept buckets", offset, kept, -1..=i64::from(i32::MAX), "-1 or more")?;
        // The table is only allocated if the entries can fit into the rest of the file.
        reader.check("the dictionary", size as u64 * MIN_ENTRY_BYTES)?;
        let empty = || std::iter::empty::<Entry<'_>>();
        let mut dictionary = Self::new(empty(), empty(), token_count);
        dictionary.word_count = word_count;
        dictionary.table = Table::with_capacity(size);
        for id in 0..size {
            let name = reader.string("a word or label")?;
            let offset = reader.offset();
            let count = reader.i64("the count of a word or label")?;
            within(
                "the count of a word or label",
                offset,
                count,
                0..=MAX_COUNT - 1,
                "below 10^15",
            )?;
            let offset = reader.offset();
            let kind = i64::from(reader.u8("the kind of an entry")?);
            let label = i64::from(id >= word_count);
            let expected = "0 for the words, then 1 for the labels";
            within("the kind of an entry", offset, kind, label..=label, expected)?;
            dictionary.push(Entry { name, count });
        }
        // -1 if the model is not pruned.
        if let Ok(kept) = u64::try_from(kept) {
            reader.check("the kept buckets", kept * 8)?;
            let mut pairs = Vec::with_capacity(kept as usize);
            for _ in 0..kept {
                let bucket = reader.count32("a kept bucket", 0..=i64::MAX, "0 or more")?;
                let row = reader.count32("the row of a bucket", 0..=i64::MAX, "0 or more")?;
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

    /// Removes the rows of all other buckets: n-grams in those are ignored from now on. Each pair
    /// is a bucket and its row, counted from the end of the words.
    pub(super) fn set_kept_buckets(&mut self, pairs: Vec<(u32, u32)>) {
        let mut rows = Table::with_capacity(pairs.len());
        for &(bucket, row) in &pairs {
            rows.insert(bucket, row, |_| true);
        }
        self.pruned = Some(Pruned { pairs, rows });
    }

    /// Number of words and labels.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn word_count(&self) -> usize {
        self.word_count
    }

    pub(super) fn label_count(&self) -> usize {
        self.len() - self.word_count
    }

    /// The counts of all labels, in order.
    pub(super) fn label_counts(&self) -> Vec<i64> {
        self.counts[self.word_count..].to_vec()
    }

    pub(super) fn token_count(&self) -> i64 {
        self.token_count
    }

    /// Whether only some buckets have a row.
    pub(super) fn is_pruned(&self) -> bool {
        self.pruned.is_some()
    }

    /// One more than the last row of the kept buckets, 0 if there are none; `None` if the model is
    /// not pruned.
    pub(super) fn kept_row_end(&self) -> Option<u64> {
        let pruned = self.pruned.as_ref()?;
        Some(pruned.pairs.iter().map(|&(_, row)| u64::from(row) + 1).max().unwrap_or(0))
    }

    /// The word or label with this id.
    pub(super) fn entry(&self, id: usize) -> Entry<'_> {
        Entry { name: name_at(&self.names, &self.ends, id), count: self.counts[id] }
    }

    /// The label with this index.
    pub(super) fn label(&self, index: usize) -> Entry<'_> {
        self.entry(self.word_count + index)
    }

    /// The id of a word or label.
    #[inline]
    pub(super) fn find(&self, hash: u32, token: &[u8]) -> Option<usize> {
        self.table
            .find(hash, |id| name_at(&self.names, &self.ends, id as usize) == token)
            .map(|id| id as usize)
    }

    /// The row of a bucket in the input matrix; `None` if it was pruned.
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

/// A hash table with open addressing. Its slots store the hash beside the id, so that most
/// mismatches are found without comparing names.
#[derive(Debug, Clone, PartialEq)]
struct Table {
    /// Hash and id.
    slots: Vec<(u32, u32)>,
    /// Right shift that reduces a scrambled hash to the index of a slot: its highest bits.
    shift: u32,
}

/// Marks an empty slot. It is no valid id, because a file stores ids in 31 bits.
const EMPTY: u32 = u32::MAX;

impl Table {
    /// A table for `count` ids, at most two thirds full.
    fn with_capacity(count: usize) -> Self {
        let size = (count + count / 2 + 2).next_power_of_two();
        Self { slots: vec![(0, EMPTY); size], shift: 32 - size.ilog2().min(32) }
    }

    #[inline]
    fn first_slot(&self, hash: u32) -> usize {
        // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4).
        (u64::from(hash.wrapping_mul(0x9E37_79B1)) >> self.shift) as usize
    }

    fn insert(&mut self, hash: u32, id: u32, same: impl Fn(u32) -> bool) {
        let mut slot = self.first_slot(hash);
        while self.slots[slot].1 != EMPTY
            && !(self.slots[slot].0 == hash && same(self.slots[slot].1))
        {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = (hash, id);
    }

    #[inline]
    fn find(&self, hash: u32, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mut slot = self.first_slot(hash);
        loop {
            let (other, id) = self.slots[slot];
            if id == EMPTY {
                return None;
            }
            if other == hash && same(id) {
                return Some(id);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}
