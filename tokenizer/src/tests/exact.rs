//! Results must not depend on the size of counts, on threads, or on the order of texts.

use rayon::prelude::*;

use super::differential::Random;
use crate::{
    CountsReader, CountsWriter, Encoder, MergedCounts, Split, TrainConfig, Trainer, WordCounts,
    train,
};

/// Counts around the limits of 32 bits, and far above, pass through files and mergers unchanged and
/// decide which merge comes first.
#[test]
fn counts_above_32_bits_stay_exact_through_files() {
    let counts = [
        (&b"ab"[..], (1_u64 << 31) - 1),
        (b"cd", 1 << 31),
        (b"ef", (1 << 31) + 1),
        (b"gh", (1 << 32) + 1),
        (b"ij", 1 << 32),
        (b"kl", 1 << 40),
    ];
    // Each count in two parts, so that the sum passes the limits.
    let file = |part: fn(u64) -> u64| {
        let mut writer = CountsWriter::new(Vec::new(), Split::Gpt4);
        for (word, count) in counts {
            writer.write(word, part(count)).unwrap();
        }
        writer.finish(0).unwrap()
    };
    let (half, rest) = (file(|count| count / 2), file(|count| count - count / 2));
    let readers = [&half, &rest].map(|file| (CountsReader::new(&file[..]).unwrap(), 1));
    let mut merged = MergedCounts::new(readers.into()).unwrap();
    let config = TrainConfig { vocab_size: 263, ..TrainConfig::default() };
    let mut trainer = Trainer::new(&config);
    let mut found = Vec::new();
    while let Some((word, count)) = merged.next_word().unwrap() {
        trainer.add_word(word, count);
        found.push((word.to_vec(), count));
    }
    assert!(found.iter().map(|(word, count)| (&word[..], *count)).eq(counts));
    let tokenizer = trainer.train(&mut |_, _| {}).unwrap();
    let learnt: Vec<_> = (257..263).filter_map(|id| tokenizer.token_bytes(id)).collect();
    assert_eq!(learnt, [&b"kl"[..], b"gh", b"ij", b"ef", b"cd", b"ab"]);
}

/// Counting and training with one, two or eight threads, in any order of the texts, gives the same
/// file. There are enough texts that threads share the work of one merge.
#[test]
fn threads_and_orders_give_the_same_merges() {
    let mut random = Random(7);
    let mut texts: Vec<String> = (0..400).flat_map(|_| random.texts()).collect();
    for _ in 0..20_000 {
        let letters = (0..5 + random.below(6)).map(|_| char::from(b'a' + random.below(4) as u8));
        texts.push(letters.collect());
    }
    let config = TrainConfig { vocab_size: 700, min_frequency: 0, ..TrainConfig::default() };
    let mut expected: Option<String> = None;
    for threads in [1, 2, 8] {
        // A Fisher-Yates shuffle.
        for last in (1..texts.len()).rev() {
            texts.swap(last, random.below(last + 1));
        }
        let count = |texts: &[String]| {
            let mut counts = WordCounts::new();
            texts.iter().for_each(|text| counts.add_text(Split::Gpt4, text));
            counts
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let json = pool.install(|| {
            let parts = texts.par_chunks(texts.len().div_ceil(threads));
            let tables: Vec<WordCounts> = parts.map(count).collect();
            let mut trainer = Trainer::new(&config);
            trainer.add_tables(&tables);
            trainer.train(&mut |_, _| {}).unwrap().to_json()
        });
        assert_eq!(*expected.get_or_insert_with(|| json.clone()), json, "{threads} threads");
    }
}

/// All places of a pair in one word leave nothing to do for the threads before and after it.
#[test]
fn threads_share_one_long_word() {
    let mut counts = WordCounts::new();
    counts.add(&b"ab".repeat(1 << 16), 3);
    let config = TrainConfig { vocab_size: 270, ..TrainConfig::default() };
    let trained = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&counts, &config, &mut |_, _| {})).unwrap().to_json()
    };
    let expected = trained(1);
    for threads in [3, 4, 8] {
        assert_eq!(trained(threads), expected, "{threads} threads");
    }
}

/// A vocabulary that needs more than 16 bits per symbol begins with the merges of a smaller one.
#[test]
fn wide_symbols_give_the_same_merges() {
    let mut random = Random(5);
    let mut counts = WordCounts::new();
    (0..400).flat_map(|_| random.texts()).for_each(|text| counts.add_text(Split::Gpt4, &text));
    let trained = |vocab_size| {
        let config = TrainConfig { vocab_size, min_frequency: 0, ..TrainConfig::default() };
        train(&counts, &config, &mut |_, _| {}).unwrap()
    };
    let (narrow, wide) = (trained(700), trained(70_000));
    assert!(wide.vocab_size() >= narrow.vocab_size());
    assert_eq!(wide.cut_to(narrow.vocab_size()).unwrap().to_json(), narrow.to_json());
}

/// Twenty thousand strings of random bytes, with U+FFFD where they are not UTF-8.
#[test]
fn random_strings_come_back() {
    let mut random = Random(11);
    let mut counts = WordCounts::new();
    random.texts().iter().for_each(|text| counts.add_text(Split::O200k, text));
    let split = Split::O200k;
    let config = TrainConfig { vocab_size: 400, split, min_frequency: 0, ..TrainConfig::default() };
    let tokenizer = train(&counts, &config, &mut |_, _| {}).unwrap();
    let (mut encoder, mut ids) = (Encoder::new(&tokenizer), Vec::new());
    for _ in 0..20_000 {
        let length = random.below(40);
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        let text = String::from_utf8_lossy(&bytes);
        ids.clear();
        encoder.encode(&text, &mut ids);
        assert_eq!(tokenizer.decode(&ids), text.as_bytes());
    }
}
