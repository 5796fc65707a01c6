//! The training options that a model file stores.

use super::error::ModelError;
use super::reader::{Reader, within};

/// Upper limit for the length of subwords (in characters) and of word n-grams (in words). Published
/// models use 2 to 6; the limit keeps the work per token proportional to its length.
pub(super) const MAX_NGRAM: i32 = 256;

/// Upper limit for the dimension of the vectors. Published models use 16 to 300.
pub(super) const MAX_DIM: i32 = 1 << 20;

/// The kind of a supervised model in a file (1 is CBOW, 2 is skip-gram).
const SUPERVISED: i32 = 3;

/// How the output layer turns a hidden vector into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// A binary decision at each node of a Huffman tree over the labels (Joulin et al. 2016,
    /// "Bag of Tricks for Efficient Text Classification", section 2.1).
    HierarchicalSoftmax,
    /// Independent sigmoids, trained against a few sampled labels.
    NegativeSampling,
    /// One distribution over all labels.
    Softmax,
    /// Independent sigmoids, each trained against all other labels; suits texts with several
    /// labels.
    OneVsAll,
}

impl Loss {
    fn from_number(number: i32, offset: usize) -> Result<Self, ModelError> {
        match number {
            1 => Ok(Self::HierarchicalSoftmax),
            2 => Ok(Self::NegativeSampling),
            3 => Ok(Self::Softmax),
            4 => Ok(Self::OneVsAll),
            _ => Err(ModelError::OutOfRange {
                what: "the loss",
                offset,
                value: i64::from(number),
                expected: "1 (hierarchical softmax), 2 (negative sampling), 3 (softmax) or 4 (one \
                           vs all)",
            }),
        }
    }

    fn number(self) -> i32 {
        match self {
            Self::HierarchicalSoftmax => 1,
            Self::NegativeSampling => 2,
            Self::Softmax => 3,
            Self::OneVsAll => 4,
        }
    }
}

/// The options of a model, with the order and the widths that they have in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arguments {
    pub(super) dim: i32,
    pub(super) window: i32,
    pub(super) epochs: i32,
    pub(super) min_count: i32,
    pub(super) negatives: i32,
    pub(super) word_ngrams: i32,
    pub(super) loss: Loss,
    pub(super) bucket: i32,
    pub(super) min_subword: i32,
    pub(super) max_subword: i32,
    pub(super) rate_update: i32,
    pub(super) sampling_threshold: f64,
}

impl Arguments {
    pub(super) fn read(reader: &mut Reader<'_>, version: i32) -> Result<Self, ModelError> {
        let dim = ranged(reader, "the dimension", 1..=MAX_DIM, "1 to 1,048,576")?;
        let window = reader.i32("the window")?;
        let epochs = reader.i32("the number of epochs")?;
        let min_count = reader.i32("the minimum count of a word")?;
        let negatives = reader.i32("the number of negatives")?;
        let word_ngrams =
            ranged(reader, "the length of word n-grams", i32::MIN..=MAX_NGRAM, "at most 256")?;
        let offset = reader.offset();
        let loss = Loss::from_number(reader.i32("the loss")?, offset)?;
        let offset = reader.offset();
        let kind = reader.i32("the kind of model")?;
        if kind != SUPERVISED {
            return Err(ModelError::NotSupervised { kind, offset });
        }
        let bucket = ranged(reader, "the number of buckets", 0..=i32::MAX, "0 or more")?;
        let min_subword = reader.i32("the length of the shortest subwords")?;
        let max_subword = ranged(
            reader,
            "the length of the longest subwords",
            i32::MIN..=MAX_NGRAM,
            "at most 256",
        )?;
        let rate_update = reader.i32("the update rate")?;
        let sampling_threshold = reader.f64("the sampling threshold")?;
        // Supervised models of version 11 were trained without subwords, whatever the field says.
        let max_subword = if version == 11 { 0 } else { max_subword };
        Ok(Self {
            dim,
            window,
            epochs,
            min_count,
            negatives,
            word_ngrams,
            loss,
            bucket,
            min_subword,
            max_subword,
            rate_update,
            sampling_threshold,
        })
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let numbers = [
            self.dim,
            self.window,
            self.epochs,
            self.min_count,
            self.negatives,
            self.word_ngrams,
            self.loss.number(),
            SUPERVISED,
            self.bucket,
            self.min_subword,
            self.max_subword,
            self.rate_update,
        ];
        for number in numbers {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.sampling_threshold.to_le_bytes());
    }

    /// Whether texts have features other than their words.
    pub(super) fn has_ngrams(&self) -> bool {
        self.bucket > 0 && (self.max_subword > 0 || self.word_ngrams > 1)
    }
}

fn ranged(
    reader: &mut Reader<'_>,
    what: &'static str,
    range: std::ops::RangeInclusive<i32>,
    expected: &'static str,
) -> Result<i32, ModelError> {
    let offset = reader.offset();
    let value = reader.i32(what)?;
    let range = i64::from(*range.start())..=i64::from(*range.end());
    within(what, offset, i64::from(value), range, expected)?;
    Ok(value)
}
