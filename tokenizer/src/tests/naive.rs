//! The trainer against a naive one that counts all pairs again for every merge. The high counts
//! make the trainer's first threshold too high for the last merges.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{Profile, Split, TrainConfig, Trainer};

/// The first occurrence of a pair: the word and the place in it.
type Place = (usize, usize);

/// The tokens that textbook byte-pair encoding learns, in order. The profile decides ties.
fn naive(
    profile: Profile,
    words: &[(Vec<u8>, u64)],
    merges: usize,
    min_frequency: u64,
) -> Vec<Vec<u8>> {
    let alphabet = profile.bytes();
    let mut tokens: Vec<Vec<u8>> = alphabet.map(|byte| vec![byte]).to_vec();
    let id = |byte: u8| alphabet.iter().position(|&b| b == byte).unwrap();
    let mut spelled: Vec<(Vec<usize>, u64)> = words
        .iter()
        .map(|(word, count)| (word.iter().map(|&byte| id(byte)).collect(), *count))
        .collect();
    for _ in 0..merges {
        let mut pairs: BTreeMap<(usize, usize), (u64, Reverse<Place>)> = BTreeMap::new();
        for (index, (word, count)) in spelled.iter().enumerate() {
            for (at, pair) in word.windows(2).enumerate() {
                pairs.entry((pair[0], pair[1])).or_insert((0, Reverse((index, at)))).0 += count;
            }
        }
        let best = match profile {
            Profile::Hf | Profile::Rustbpe => {
                pairs.iter().max_by_key(|&(&pair, &(count, _))| (count, Reverse(pair)))
            }
            Profile::Minbpe => pairs.iter().max_by_key(|&(_, &found)| found),
            Profile::Cs336 => pairs.iter().max_by_key(|&(&(left, right), &(count, _))| {
                (count, tokens[left].clone(), tokens[right].clone())
            }),
        };
        let Some((&(left, right), _)) = best.filter(|&(_, &(count, _))| count >= min_frequency)
        else {
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
    tokens.split_off(alphabet.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn merges_equal_the_naive_trainers(
        words in prop::collection::vec(
            (
                "[ab]{1,9}|[a-d]{1,6}|[ !~]{1,4}|日{1,3}",
                prop_oneof![1_u64..5, 1_u64..1_000_000],
            ),
            1..25,
        ),
        min_frequency in 0_u64..4,
    ) {
        let words: Vec<(Vec<u8>, u64)> =
            words.into_iter().map(|(word, count)| (word.into_bytes(), count)).collect();
        for profile in Profile::ALL {
            let expected = naive(profile, &words, 60, min_frequency);
            let config = TrainConfig {
                vocab_size: 256 + 60,
                split: Split::Gpt4,
                min_frequency,
                special_tokens: Vec::new(),
                profile,
                ..TrainConfig::default()
            };
            let mut trainer = Trainer::new(&config);
            for (word, count) in &words {
                trainer.add_word(word, *count);
            }
            let tokenizer = trainer.train(&mut |_, _| {}).unwrap();
            let learnt: Vec<_> = (256..tokenizer.vocab_size() as u32)
                .filter_map(|id| tokenizer.token_bytes(id).map(<[u8]>::to_vec))
                .collect();
            prop_assert_eq!(learnt, expected, "{}", profile);
        }
    }
}
