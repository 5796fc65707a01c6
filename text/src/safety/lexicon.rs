//! The word lists as one look-up by hash, with the spellings that hide a word.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::tokens::{HASH_START, Token, Tokens, hash_of, mix};

/// The lists, English first: a line is a category, a weight and a term; `#` starts a comment.
pub(super) const LISTS: [&str; 17] = [
    include_str!("en.txt"),
    include_str!("ar.txt"),
    include_str!("cs.txt"),
    include_str!("de.txt"),
    include_str!("es.txt"),
    include_str!("fr.txt"),
    include_str!("hi.txt"),
    include_str!("it.txt"),
    include_str!("ja.txt"),
    include_str!("ko.txt"),
    include_str!("nl.txt"),
    include_str!("pl.txt"),
    include_str!("pt.txt"),
    include_str!("ru.txt"),
    include_str!("sv.txt"),
    include_str!("tr.txt"),
    include_str!("zh.txt"),
];

/// What words do in a sentence about people.
pub(super) const ROLES: &str = include_str!("roles.txt");

/// The categories of the lists, by their index in a text's weights.
pub(super) const CATEGORIES: [&str; 3] = ["nsfw", "toxicity", "profanity"];

/// The roles of `roles.txt` as bits, and those of the lists.
pub(super) mod role {
    pub(in super::super) const IDENTITY: u32 = 1;
    pub(in super::super) const TRAIT: u32 = 1 << 1;
    pub(in super::super) const PERSON: u32 = 1 << 2;
    pub(in super::super) const CONTEMPT: u32 = 1 << 3;
    pub(in super::super) const HATE: u32 = 1 << 4;
    pub(in super::super) const HARM: u32 = 1 << 5;
    pub(in super::super) const INTENT: u32 = 1 << 6;
    pub(in super::super) const NEGATION: u32 = 1 << 7;
    pub(in super::super) const OBVIOUS: u32 = 1 << 8;
    pub(in super::super) const WORTH: u32 = 1 << 9;
    pub(in super::super) const SAY: u32 = 1 << 10;
    pub(in super::super) const COUNTER: u32 = 1 << 11;
    pub(in super::super) const PRAISE: u32 = 1 << 12;
    pub(in super::super) const SELF: u32 = 1 << 13;
    pub(in super::super) const YOU: u32 = 1 << 14;
    pub(in super::super) const FIRST: u32 = 1 << 15;
    pub(in super::super) const THEY: u32 = 1 << 16;
    pub(in super::super) const LIKENED: u32 = 1 << 22;
    pub(in super::super) const COPULA: u32 = 1 << 23;
    pub(in super::super) const THAN: u32 = 1 << 24;
    /// A term of the lists, by its category.
    pub(in super::super) const NSFW: u32 = 1 << 18;
    pub(in super::super) const TOXIC: u32 = 1 << 19;
    pub(in super::super) const PROFANE: u32 = 1 << 20;
    /// A word that continues a term begun before.
    pub(in super::super) const INSIDE: u32 = 1 << 21;
}

/// The names of the roles in `roles.txt`, by their bits.
pub(super) const ROLE_NAMES: [&str; 25] = [
    "identity", "trait", "person", "contempt", "hate", "harm", "intent", "negation", "obvious",
    "worth", "say", "counter", "praise", "self", "you", "first", "they", "common", "", "", "", "",
    "likened", "copula", "than",
];

/// Roles whose words are also known by a misspelling.
const MISSPELT: u32 = role::IDENTITY
    | role::TRAIT
    | role::CONTEMPT
    | role::LIKENED
    | role::HATE
    | role::HARM
    | role::TOXIC;

/// Letters of the shortest word that is known with a letter left out: shorter ones are other words.
/// With two letters swapped, words of one letter less are known too.
const MISSPELT_LETTERS: usize = 5;

/// Real words that are misspellings of a listed one; they keep their own meaning.
const REAL_WORDS: &str = include_str!("real_words.txt");

/// Bits of the filter in front of the look-up.
const FILTER_BITS: usize = 1 << 17;

/// Words of the longest term.
const TERM_WORDS: usize = 8;

/// Bytes of the longest word that is taken apart or unmasked.
pub(super) const HIDDEN_BYTES: usize = 24;

/// What the lists say of a term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meaning {
    /// The category's index.
    pub(super) category: usize,
    pub(super) weight: f32,
    /// Whether the English list has it.
    pub(super) is_english: bool,
}

/// What is known of a word, or of words in a row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) roles: u32,
    /// What the lists say of the term.
    meaning: Option<Meaning>,
    /// Whether a longer term starts with it.
    is_prefix: bool,
}

/// All terms by the hash of their words.
pub(super) struct Lexicon {
    entries: FxHashMap<u64, Entry>,
    filter: Vec<u64>,
}

pub(super) static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::build);

impl Lexicon {
    fn build() -> Self {
        let mut lexicon = Self { entries: FxHashMap::default(), filter: vec![0; FILTER_BITS / 64] };
        for (at, list) in LISTS.iter().enumerate() {
            for (category, weight, term) in list.lines().filter_map(parse_line) {
                let entry = lexicon.insert(term);
                entry.meaning.get_or_insert(Meaning { category, weight, is_english: at == 0 });
                entry.roles |= role::NSFW << category;
            }
        }
        for (bit, term) in role_terms() {
            lexicon.insert(term).roles |= bit;
        }
        lexicon.add_misspellings();
        lexicon
    }

    /// The entry of a term, whose words become known to the filter.
    fn insert(&mut self, term: &str) -> &mut Entry {
        let mut key = 0;
        for (at, token) in Tokens::of(term).enumerate() {
            if at > 0 {
                self.entries.entry(key).or_default().is_prefix = true;
            } else {
                self.filter[filter_word(token.hash)] |= filter_bit(token.hash);
            }
            key = chain(key, token.hash);
        }
        self.entries.entry(key).or_default()
    }

    /// Makes words known by one letter left out or two swapped, save where that is a word itself.
    fn add_misspellings(&mut self) {
        let mut added = Vec::new();
        let listed = LISTS.iter().flat_map(|list| list.lines()).filter_map(parse_line);
        let words = listed.map(|(_, _, term)| term).chain(role_terms().map(|(_, term)| term));
        for word in words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())) {
            let Some(entry) = self.entries.get(&chain(0, hash_of(word))) else { continue };
            if word.len() + 1 < MISSPELT_LETTERS || entry.roles & MISSPELT == 0 {
                continue;
            }
            let entry = Entry { roles: entry.roles & !role::TOXIC, meaning: None, ..*entry };
            added.extend(misspellings(word).map(|variant| (variant, entry)));
        }
        for (variant, entry) in added {
            let hash = hash_of(&variant);
            let is_known = self.entries.contains_key(&chain(0, hash));
            if !is_known && !REAL_WORDS.split_whitespace().any(|word| word == variant) {
                self.filter[filter_word(hash)] |= filter_bit(hash);
                self.entries.insert(chain(0, hash), entry);
            }
        }
    }

    /// Whether a term may start with the word.
    pub(super) fn may_know(&self, hash: u64) -> bool {
        self.filter[filter_word(hash)] & filter_bit(hash) != 0
    }

    /// The entry of a single word.
    pub(super) fn word(&self, hash: u64) -> Option<&Entry> {
        if self.may_know(hash) { self.entries.get(&chain(0, hash)) } else { None }
    }

    /// Marks the roles of the terms that start at a token and returns the longest of the lists,
    /// with its number of tokens.
    pub(super) fn mark(&self, tokens: &mut [Token]) -> Option<(usize, Meaning)> {
        let first = *tokens.first()?;
        if !self.may_know(first.hash) {
            return None;
        }
        let (mut key, mut found) = (0, None);
        for at in 0..tokens.len().min(TERM_WORDS) {
            key = chain(key, tokens[at].hash);
            let Some(entry) = self.entries.get(&key) else { break };
            tokens[0].roles |= entry.roles;
            if entry.roles != 0 && at > 0 {
                tokens[1..=at].iter_mut().for_each(|token| token.roles |= role::INSIDE);
            }
            if let Some(meaning) = entry.meaning {
                found = Some((at + 1, meaning));
            }
            if !entry.is_prefix {
                break;
            }
        }
        found
    }

    /// The hash of the listed word that a word's digits, signs and stretched letters hide.
    pub(super) fn unmask(&self, written: &str) -> Option<u64> {
        if written.len() > HIDDEN_BYTES {
            return None;
        }
        let plain: Vec<u8> = written.bytes().map(plain_letter).collect();
        let second = plain.iter().map(|byte| if *byte == b'i' { b'l' } else { *byte });
        let candidates = [plain.clone(), second.collect()];
        for candidate in &candidates {
            for kept in [usize::MAX, 2, 1] {
                let hash = squeeze(candidate, kept).fold(HASH_START, mix);
                if self.word(hash).is_some_and(|entry| entry.roles != 0) {
                    return Some(hash);
                }
            }
        }
        self.guess(written.as_bytes())
    }

    /// The word that fits letters of which some are masked: `s**t`.
    fn guess(&self, masked: &[u8]) -> Option<u64> {
        let fits = |word: &&str| {
            let mut pairs = word.bytes().zip(masked);
            word.len() == masked.len()
                && pairs.all(|(letter, sign)| is_mask(*sign) || sign.eq_ignore_ascii_case(&letter))
        };
        let is_open = masked.first().is_some_and(u8::is_ascii_alphabetic);
        let word = MASKED.iter().find(|word| is_open && fits(word))?;
        let hash = hash_of(word);
        self.word(hash).map(|_| hash)
    }
}

/// Words that people mask with asterisks, the commonest first.
const MASKED: [&str; 34] = [
    "fuck",
    "shit",
    "bitch",
    "fucking",
    "fucked",
    "fucker",
    "fuckers",
    "bullshit",
    "cunt",
    "cunts",
    "bitches",
    "nigger",
    "niggers",
    "nigga",
    "niggas",
    "asshole",
    "assholes",
    "faggot",
    "faggots",
    "dick",
    "pussy",
    "whore",
    "whores",
    "slut",
    "sluts",
    "bastard",
    "bastards",
    "retard",
    "retards",
    "motherfucker",
    "shithead",
    "dickhead",
    "damn",
    "ass",
];

/// The letter that a digit or sign stands for; any other byte in lower case.
fn plain_letter(byte: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'1' | b'!' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        b'8' => b'b',
        b'9' => b'g',
        _ => byte.to_ascii_lowercase(),
    }
}

/// Whether a sign can stand for a letter.
pub(super) fn is_mask(byte: u8) -> bool {
    matches!(byte, b'*' | b'@' | b'$' | b'!' | b'#' | b'%')
}

/// The letters with at most `kept` of each run of three or more.
fn squeeze(letters: &[u8], kept: usize) -> impl Iterator<Item = u8> {
    letters.chunk_by(|a, b| a == b).flat_map(move |run| {
        let length = if run.len() > 2 { run.len().min(kept) } else { run.len() };
        run[..length].iter().copied()
    })
}

/// A word without one inner letter, if it is not too short, and with two neighbours swapped, the
/// first letter aside.
fn misspellings(word: &str) -> impl Iterator<Item = String> {
    let bytes = word.as_bytes();
    let is_long = bytes.len() >= MISSPELT_LETTERS;
    let shorter = (1..bytes.len() - 1)
        .filter(move |_| is_long)
        .map(|at| [&word[..at], &word[at + 1..]].concat());
    let swapped = (1..bytes.len() - 1).map(|at| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.swap(at, at + 1);
        letters.into_iter().collect()
    });
    shorter.chain(swapped)
}

fn chain(key: u64, hash: u64) -> u64 {
    (key.rotate_left(23) ^ hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn filter_word(hash: u64) -> usize {
    (hash >> 6) as usize % (FILTER_BITS / 64)
}

fn filter_bit(hash: u64) -> u64 {
    1 << (hash & 63)
}

/// The category's index, the weight and the term of a line of a list.
pub(super) fn parse_line(line: &str) -> Option<(usize, f32, &str)> {
    let mut parts = line.splitn(3, ' ');
    let category = parts.next()?;
    let category = CATEGORIES.iter().position(|name| *name == category)?;
    Some((category, parts.next()?.parse().ok()?, parts.next()?.trim()))
}

/// The bit and the term of each entry of `roles.txt`.
pub(super) fn role_terms() -> impl Iterator<Item = (u32, &'static str)> {
    ROLES.lines().filter_map(|line| line.split_once(": ")).flat_map(|(name, terms)| {
        let bit = ROLE_NAMES.iter().position(|role| *role == name).map_or(0, |at| 1 << at);
        terms.split(", ").map(move |term| (bit, term))
    })
}
