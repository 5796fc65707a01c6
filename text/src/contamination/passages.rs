//! How much of a question one passage of a document contains.

/// Length of the window relative to the question. It is above 1 to allow for inserted words.
const WINDOW_FACTOR: f64 = 1.5;

/// An n-gram that a document shares with a question. Hits are ordered by question, then by place in
/// the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub(super) question: u32,
    /// Index of the n-gram's first word in the document.
    pub(super) document_word: u32,
    /// Index of the n-gram's first word in the question.
    pub(super) question_word: u32,
    /// Byte offsets of the n-gram in the document.
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The window of a document that covers most of one question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The weight of the covered words of the question.
    pub(super) weight: u64,
    /// Covered words: of the question or of the document, whichever are fewer. Otherwise one phrase
    /// of the document would count for each of its repetitions in the question.
    pub(super) words: usize,
    /// The number of hits in the window.
    pub(super) ngrams: usize,
    /// Indexes of the window's first and last hit.
    pub(super) first: usize,
    pub(super) last: usize,
}

/// Finds the window of the document whose hits cover most of the question. `hits` are in document
/// order, `weights` holds one weight for each word of the question, and `cover` is a buffer.
pub(super) fn best_window(
    weights: &[u16],
    hits: &[Hit],
    ngram_words: usize,
    cover: &mut Vec<u32>,
) -> Found {
    let window_words = (weights.len() as f64 * WINDOW_FACTOR) as u32;
    cover.clear();
    cover.resize(weights.len(), 0);
    let (mut weight, mut words, mut document_words, mut first) = (0, 0, 0, 0);
    let mut best = Found { weight: 0, words: 0, ngrams: 0, first: 0, last: 0 };
    // How many words of the document a hit covers that the hit before it does not.
    let advance = |index: usize| {
        let words = hits[index].document_word - hits[index - 1].document_word;
        ngram_words.min(words as usize)
    };
    // A sliding window: each hit enters once at the end and leaves at most once at the start.
    for (last, hit) in hits.iter().enumerate() {
        let start = hit.question_word as usize;
        for word in start..start + ngram_words {
            if cover[word] == 0 && weights[word] > 0 {
                weight += u64::from(weights[word]);
                words += 1;
            }
            cover[word] += 1;
        }
        document_words += if last == first { ngram_words } else { advance(last) };
        while hits[first].document_word + window_words < hit.document_word + ngram_words as u32 {
            let start = hits[first].question_word as usize;
            for word in start..start + ngram_words {
                cover[word] -= 1;
                if cover[word] == 0 && weights[word] > 0 {
                    weight -= u64::from(weights[word]);
                    words -= 1;
                }
            }
            first += 1;
            document_words -= advance(first);
        }
        if weight > best.weight {
            let words = document_words.min(words);
            best = Found { weight, words, ngrams: last + 1 - first, first, last };
        }
    }
    best
}

/// The length in words of the longest run of words that the document and one question share.
///
/// A run consists of hits on one diagonal, that is, with the same distance between their places in
/// the two texts, each of which overlaps or touches the one before, so every word in between is
/// shared. `hits` are in document order and `runs` is a buffer.
pub(super) fn longest_run(
    hits: &[Hit],
    ngram_words: usize,
    runs: &mut Vec<(u32, u32, u32)>,
) -> usize {
    let ngram_words = ngram_words as u32;
    let mut longest = 0;
    runs.clear();
    for hit in hits {
        // Runs that end too early to touch this hit are finished, so the list stays short.
        runs.retain(|run| run.2 + ngram_words >= hit.document_word);
        let diagonal = hit.document_word.wrapping_sub(hit.question_word);
        let first = if let Some(run) = runs.iter_mut().find(|run| run.0 == diagonal) {
            run.2 = hit.document_word;
            run.1
        } else {
            runs.push((diagonal, hit.document_word, hit.document_word));
            hit.document_word
        };
        longest = longest.max(hit.document_word + ngram_words - first);
    }
    longest as usize
}
