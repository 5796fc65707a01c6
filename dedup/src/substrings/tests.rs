//! Compares the three passes with the definition, and tests the properties of removal.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;
use store::Scratch;
use text::words::words;

use super::*;

/// The order of the input, the memory and the threads of a run.
#[derive(Debug, Clone)]
struct Way {
    memory_bytes: u64,
    documents_per_part: u64,
    is_backward: bool,
    threads: usize,
}

const PLAIN: Way =
    Way { memory_bytes: 1 << 20, documents_per_part: 2, is_backward: false, threads: 1 };

/// Returns the spans of every document by the three passes.
fn find(texts: &[String], min_tokens: u32, kept: Kept, way: &Way) -> Vec<Vec<Range<usize>>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(way.threads).build().unwrap();
    pool.install(|| find_here(texts, min_tokens, kept, way))
}

fn find_here(texts: &[String], min_tokens: u32, kept: Kept, way: &Way) -> Vec<Vec<Range<usize>>> {
    let folder = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
    let substrings = Substrings::new(min_tokens);
    let mut pad = Scratchpad::default();
    let mut documents: Vec<(u64, u32)> = (0..texts.len() as u64)
        .map(|ordinal| (ordinal, (ordinal / way.documents_per_part) as u32))
        .collect();
    if way.is_backward {
        documents.reverse();
    }
    let mut sorter = AnchorSorter::new(&scratch, 100, way.memory_bytes).unwrap();
    for &(ordinal, part) in &documents {
        let mut anchors = Vec::new();
        substrings.anchors(&texts[ordinal as usize], &mut pad, &mut anchors);
        sorter.push(part, anchors).unwrap();
    }
    let anchors = sorter.finish().unwrap();
    let mut sorter = WindowSorter::new(&scratch, kept, 100, way.memory_bytes).unwrap();
    for &(ordinal, part) in &documents {
        let mut windows = Vec::new();
        let text = &texts[ordinal as usize];
        substrings.windows(text, &anchors.of_part(part).unwrap(), &mut pad, &mut windows);
        sorter.push(part, ordinal, windows).unwrap();
    }
    let windows = sorter.finish().unwrap();
    documents.sort_unstable();
    let spans = |&(ordinal, part): &(u64, u32)| {
        let of_part = windows.of_part(part).unwrap();
        substrings.spans(&texts[ordinal as usize], of_part.of_document(ordinal))
    };
    documents.iter().map(spans).collect()
}

/// Returns the spans by the definition: every window is looked up among all windows.
fn define(texts: &[String], min_tokens: usize, kept: Kept) -> Vec<Vec<Range<usize>>> {
    let documents: Vec<Vec<&str>> = texts.iter().map(|text| words(text).collect()).collect();
    let mut places: BTreeMap<&[&str], Vec<(usize, usize)>> = BTreeMap::new();
    for (document, words) in documents.iter().enumerate() {
        for (position, window) in words.windows(min_tokens).enumerate() {
            places.entry(window).or_default().push((document, position));
        }
    }
    let mut is_repeated: Vec<Vec<bool>> = documents.iter().map(|d| vec![false; d.len()]).collect();
    for places in places.values().filter(|places| places.len() > 1) {
        for &(document, position) in &places[usize::from(kept == Kept::First)..] {
            is_repeated[document][position..position + min_tokens].fill(true);
        }
    }
    let offset = |text: &str, word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let mut spans = Vec::new();
    for ((text, words), is_repeated) in texts.iter().zip(&documents).zip(&is_repeated) {
        let mut of_text: Vec<Range<usize>> = Vec::new();
        for (index, word) in words.iter().enumerate().filter(|(index, _)| is_repeated[*index]) {
            let start = offset(text, word);
            let end = start + word.len();
            match of_text.last_mut() {
                Some(span) if index > 0 && is_repeated[index - 1] => span.end = end,
                _ => of_text.push(start..end),
            }
        }
        spans.push(of_text);
    }
    spans
}

fn any_way() -> impl Strategy<Value = Way> {
    let ways = (0u64..20_000, 1u64..5, any::<bool>(), 1usize..4);
    ways.prop_map(|(memory_bytes, documents_per_part, is_backward, threads)| Way {
        memory_bytes,
        documents_per_part,
        is_backward,
        threads,
    })
}

/// Documents of a few distinct words, with passages that are copied into several documents.
fn any_texts() -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![Just("a"), Just("b "), Just("é, "), Just("don't\n"), Just("漢")];
    let passages = prop::collection::vec(prop::collection::vec(word.clone(), 0..12), 1..4);
    let piece = prop_oneof![
        prop::collection::vec(word, 0..8).prop_map(Ok),
        any::<prop::sample::Index>().prop_map(Err),
    ];
    let documents = prop::collection::vec(prop::collection::vec(piece, 0..6), 0..7);
    (passages, documents).prop_map(|(passages, documents)| {
        let text = |pieces: Vec<Result<Vec<&'static str>, prop::sample::Index>>| {
            let piece = |piece: Result<Vec<&'static str>, prop::sample::Index>| match piece {
                Ok(words) => words.concat() + " ",
                Err(index) => index.get(&passages).concat() + "; ",
            };
            pieces.into_iter().map(piece).collect::<String>()
        };
        documents.into_iter().map(text).collect()
    })
}

proptest! {
    /// The spans are exactly those of the definition, whatever the order, the parts, the memory and
    /// the threads.
    #[test]
    fn spans_are_those_of_the_definition(
        texts in any_texts(),
        min_tokens in 1u32..12,
        kept in prop_oneof![Just(Kept::First), Just(Kept::None)],
        way in any_way(),
    ) {
        let expected = define(&texts, min_tokens as usize, kept);
        prop_assert_eq!(find(&texts, min_tokens, kept, &way), expected);
    }

    /// The words that are left are the words outside the spans.
    #[test]
    fn removal_keeps_the_words_outside(
        text in "([ab漢.,()' \n-]|don't|\\PC){0,40}",
        is_removed in prop::collection::vec(any::<bool>(), 40),
    ) {
        let (removed, kept): (Vec<_>, Vec<_>) =
            words(&text).zip(is_removed).partition(|(_, is_removed)| *is_removed);
        let span = |word: &str| {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            start..start + word.len()
        };
        let spans: Vec<Range<usize>> = removed.iter().map(|(word, _)| span(word)).collect();
        let left = remove_spans(&text, &spans);
        let kept: Vec<&str> = kept.iter().map(|(word, _)| *word).collect();
        prop_assert_eq!(words(&left).collect::<Vec<_>>(), kept, "{:?}", left);
        prop_assert!(left.len() <= text.len());
    }
}

#[test]
fn the_first_copy_of_a_passage_is_kept() {
    let passage = "one two three four";
    let texts = [
        format!("First {passage} end."),
        format!("Second. ({passage}!) And {passage}.\n\nNext line {passage}"),
        format!("{passage}, third"),
    ];
    let spans = find(&texts, 4, Kept::First, &PLAIN);
    let left: Vec<_> = texts.iter().zip(&spans).map(|(t, s)| remove_spans(t, s)).collect();
    assert_eq!(left, ["First one two three four end.", "Second. And\n\nNext line", "third"]);
    let spans = find(&texts, 4, Kept::None, &PLAIN);
    assert_eq!(remove_spans(&texts[0], &spans[0]), "First end.");
    assert!(find(&texts, 5, Kept::None, &PLAIN).concat().is_empty());
}

#[test]
fn a_text_that_repeats_itself_keeps_its_first_period() {
    let texts = ["tick tock ".repeat(40)];
    let spans = find(&texts, 10, Kept::First, &PLAIN);
    assert_eq!(remove_spans(&texts[0], &spans[0]), "tick tock ");
}
