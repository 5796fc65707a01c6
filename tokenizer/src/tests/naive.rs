//! The trainer against one that counts all pairs anew for every merge.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::alphabet;
use crate::{Split, TrainConfig, WordCounts, train};

/// The tokens that textbook byte-pair encoding learns, in order.
fn naive(words: &[(Vec<u8>, u64)], merges: usize, min_frequency: u64) -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = alphabet::bytes_by_codepoint().map(|byte| vec![byte]).to_vec();
    let id = |byte: u8| alphabet::bytes_by_codepoint().iter().position(|&b| b == byte).unwrap();
    let mut spelled: Vec<(Vec<usize>, u64)> = words
        .iter()
        .map(|(word, count)| (word.iter().map(|&byte| id(byte)).collect(), *count))
        .collect();
    for _ in 0..merges {
        let mut counts: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for (word, count) in &spelled {
            for pair in word.windows(2) {
                *counts.entry((pair[0], pair[1])).or_default() += count;
            }
        }
        let best = counts.iter().max_by_key(|&(&pair, &count)| (count, Reverse(pair)));
        let Some((&(left, right), _)) = best.filter(|&(_, &count)| count >= min_frequency) else {
            break;
        };
        tokens.push([&tokens[left][..], &tokens[right]].concat());
        for (word, _) in &mut spelled {
            let mut at = 0;
            while at + 1 < word.len() {
                if (word[at], word[at + 1]) == (left, right) {
                    word.splice(at..at + 2, [tokens.len() - 1]);
                }
                at += 1;
            }
        }
    }
    tokens.split_off(alphabet::BYTE_COUNT)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn merges_equal_the_naive_trainers(
        words in prop::collection::vec(("[ab]{1,9}|[a-d]{1,6}|日{1,3}", 1_u64..5), 1..25),
        min_frequency in 0_u64..4,
    ) {
        let mut counts = WordCounts::new();
        for (word, count) in &words {
            counts.add(word.as_bytes(), *count);
        }
        let sorted: Vec<_> = counts.iter_sorted().collect();
        let expected = naive(&sorted, 60, min_frequency);
        let config = TrainConfig {
            vocab_size: alphabet::BYTE_COUNT + 60,
            split: Split::Gpt4,
            min_frequency,
            special_tokens: Vec::new(),
            ..TrainConfig::default()
        };
        let tokenizer = train(&counts, &config, &mut |_, _| {});
        let learnt: Vec<_> = (256..tokenizer.vocab_size() as u32)
            .filter_map(|id| tokenizer.token_bytes(id).map(<[u8]>::to_vec))
            .collect();
        prop_assert_eq!(learnt, expected);
    }
}
