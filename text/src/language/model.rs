//! The embedded model: a linear classifier on the sum of low-dimensional vectors of n-grams
//! (Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification"). The numbers of the
//! vectors have four bits each. The table of the vectors does not store the n-grams, only short
//! fingerprints of them.
//!
//! The format of the file, with little-endian numbers:
//! - 8 bytes `MAGIC`;
//! - `u32` bits of a bucket's index, `u32` bits of a fingerprint, `u32` number of classes, `u32`
//!   size of the labels in bytes, `f32` value of one step of the numbers of a vector;
//! - the labels, one per line: `en Latn`;
//! - for each class `DIMENSIONS` weights and a bias, `f32`;
//! - for each bucket a fingerprint of one byte (255: empty) and `DIMENSIONS` numbers of four bits.
//!   Byte `i` has number `i` in its low half and number `i + DIMENSIONS / 2` in its high half,
//!   both plus 8.

use std::borrow::Cow;

use super::grams::Words;
use super::script::Script;

/// First bytes of a model.
pub(super) const MAGIC: &[u8; 8] = b"grstlid1";

/// Dimension of the vectors: 16, as in fastText's lid.176. For the same total size, more buckets
/// improved the model more than longer vectors.
pub(super) const DIMENSIONS: usize = 16;

/// Size of a bucket in bytes: the fingerprint and the vector.
pub(super) const BUCKET_BYTES: usize = 1 + DIMENSIONS / 2;

/// Fingerprint of a bucket without an n-gram.
pub(super) const EMPTY: u8 = 255;

/// Added to the numbers of a vector so that they are stored without a sign.
pub(super) const ZERO: i32 = 8;

/// Number of bytes before the labels.
const HEADER_BYTES: usize = 28;

/// Maximum number of bits of a bucket's index, which bounds the size of a model.
pub(super) const BUCKET_BITS_MAX: u32 = 24;

/// Bits of a fingerprint: fewer than 8, because 255 marks an empty bucket.
pub(super) const FINGERPRINT_BITS: std::ops::Range<u32> = 1..8;

/// Maximum number of classes.
const CLASSES_MAX: usize = 10_000;

/// A language in a script.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Class {
    /// ISO 639-1 code where the language has one, else ISO 639-3.
    pub(super) code: String,
    /// ISO 15924 code.
    pub(super) script: String,
    weights: [f32; DIMENSIONS],
    bias: f32,
}

/// A model that was read from its bytes.
#[derive(Debug, Clone)]
pub(super) struct Model {
    classes: Vec<Class>,
    /// The classes of each script.
    of_script: Vec<Vec<usize>>,
    bucket_bits: u32,
    fingerprint_bits: u32,
    step: f32,
    buckets: Cow<'static, [u8]>,
}

impl Model {
    /// Reads a model; `None` if the bytes are not a model.
    pub(super) fn from_bytes(bytes: Cow<'static, [u8]>) -> Option<Self> {
        let numbers = bytes.get(..HEADER_BYTES)?.strip_prefix(MAGIC)?;
        let &[bucket_bits, fingerprint_bits, count, labels_bytes, step] =
            numbers.as_chunks::<4>().0
        else {
            return None;
        };
        let [bucket_bits, fingerprint_bits] =
            [bucket_bits, fingerprint_bits].map(u32::from_le_bytes);
        let [count, labels_bytes] =
            [count, labels_bytes].map(|number| u32::from_le_bytes(number) as usize);
        let step = f32::from_le_bytes(step);
        if bucket_bits > BUCKET_BITS_MAX
            || !FINGERPRINT_BITS.contains(&fingerprint_bits)
            || count > CLASSES_MAX
        {
            return None;
        }
        let labels_end = HEADER_BYTES.checked_add(labels_bytes)?;
        let labels = std::str::from_utf8(bytes.get(HEADER_BYTES..labels_end)?).ok()?;
        let weights_end = labels_end + count * (DIMENSIONS + 1) * 4;
        let weights = bytes.get(labels_end..weights_end)?;
        let mut classes = Vec::with_capacity(count);
        for (label, numbers) in labels.lines().zip(weights.chunks_exact((DIMENSIONS + 1) * 4)) {
            classes.push(Class::new(label, numbers)?);
        }
        let of_script = super::script::ALL
            .into_iter()
            .map(|script| {
                let is_written = |&class: &usize| classes[class].script == script.code();
                (0..classes.len()).filter(is_written).collect()
            })
            .collect();
        let end = weights_end + (BUCKET_BYTES << bucket_bits);
        let whole = classes.len() == count && bytes.len() == end;
        let buckets = match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(weights_end..)?),
            Cow::Owned(mut bytes) => Cow::Owned(bytes.split_off(weights_end.min(bytes.len()))),
        };
        whole.then_some(Self { classes, of_script, bucket_bits, fingerprint_bits, step, buckets })
    }

    /// The most probable class among those of a script, with its probability among these.
    pub(super) fn classify(&self, words: &Words, script: Script) -> Option<(&Class, f32)> {
        let candidates = &self.of_script[script as usize];
        let (&first, rest) = candidates.split_first()?;
        // Many scripts have a single language, for which no n-gram has to be looked up.
        if rest.is_empty() {
            return Some((&self.classes[first], 1.0));
        }
        let hidden = self.hidden(words, script);
        let scores: Vec<f32> =
            candidates.iter().map(|&class| self.classes[class].score(&hidden)).collect();
        let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))?;
        // Softmax, relative to the best score so that nothing overflows.
        let total: f32 = scores.iter().map(|score| (score - scores[best]).exp()).sum();
        Some((&self.classes[candidates[best]], 1.0 / total))
    }

    /// The sum of the vectors of the text's n-grams, divided by the square root of their number.
    fn hidden(&self, words: &Words, script: Script) -> [f32; DIMENSIONS] {
        let (bucket_shift, fingerprint_shift) =
            (64 - self.bucket_bits, 64 - self.bucket_bits - self.fingerprint_bits);
        let fingerprint_mask = (1 << self.fingerprint_bits) - 1;
        let mut sums = Sums { numbers: [0; DIMENSIONS], count: 0 };
        // Whether a bucket belongs to the n-gram is unpredictable, so a branch would be slow.
        // Instead the vector is always written, but `end` only advances if it belongs.
        let (mut found, mut end) = ([0; FOUND_MAX], 0);
        words.grams(script, |hash| {
            let start = (hash >> bucket_shift) as usize * BUCKET_BYTES;
            let bucket = &self.buckets[start..start + BUCKET_BYTES];
            let mut vector = [0; DIMENSIONS / 2];
            vector.copy_from_slice(&bucket[1..]);
            found[end] = u64::from_le_bytes(vector);
            let fingerprint = ((hash >> fingerprint_shift) & fingerprint_mask) as u8;
            end += usize::from(bucket[0] == fingerprint);
            if end == FOUND_MAX {
                sums.add(&found);
                end = 0;
            }
        });
        sums.add(&found[..end]);
        let factor = self.step / (sums.count.max(1) as f32).sqrt();
        sums.numbers.map(|sum| (sum as i32 - ZERO * sums.count as i32) as f32 * factor)
    }
}

/// Number of vectors that are collected before they are summed.
const FOUND_MAX: usize = 256;

/// How many four-bit numbers can be summed in eight bits: 17 times 15 is 255.
const ADDED_MAX: usize = 17;

/// The low halves of eight bytes.
const LOW: u64 = 0x0f0f_0f0f_0f0f_0f0f;

/// The sum of stored vectors: each number is too large by `ZERO` times `count`.
struct Sums {
    numbers: [u32; DIMENSIONS],
    count: usize,
}

impl Sums {
    /// Adds vectors, with eight of their numbers in one word.
    fn add(&mut self, vectors: &[u64]) {
        self.count += vectors.len();
        for vectors in vectors.chunks(ADDED_MAX) {
            let (mut low, mut high) = (0, 0);
            for vector in vectors {
                low += vector & LOW;
                high += (vector >> 4) & LOW;
            }
            let bytes = low.to_le_bytes().into_iter().chain(high.to_le_bytes());
            for (number, byte) in self.numbers.iter_mut().zip(bytes) {
                *number += u32::from(byte);
            }
        }
    }
}

impl Class {
    /// Reads a class from its label and its numbers.
    fn new(label: &str, numbers: &[u8]) -> Option<Self> {
        let (code, script) = label.split_once(' ')?;
        let mut numbers =
            numbers.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number));
        let mut weights = [0.0; DIMENSIONS];
        for weight in &mut weights {
            *weight = numbers.next()?;
        }
        Some(Self {
            code: code.to_owned(),
            script: script.to_owned(),
            weights,
            bias: numbers.next()?,
        })
    }

    fn score(&self, hidden: &[f32; DIMENSIONS]) -> f32 {
        let products = self.weights.iter().zip(hidden).map(|(weight, value)| weight * value);
        self.bias + products.sum::<f32>()
    }
}
