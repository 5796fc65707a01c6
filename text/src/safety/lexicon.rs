//! Looks up the terms of all lists by hash, also in spellings that disguise a word.

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

/// The roles of words in a sentence about people.
pub(super) const ROLES: &str = include_str!("roles.txt");

/// The categories of the lists; their weights are stored in this order.
pub(super) const CATEGORIES: [&str; 3] = ["nsfw", "toxicity", "profanity"];

/// The roles of `roles.txt` and of the lists, as bits.
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
    /// A listed term of a category.
    pub(in super::super) const NSFW: u32 = 1 << 18;
    pub(in super::super) const TOXIC: u32 = 1 << 19;
    pub(in super::super) const PROFANE: u32 = 1 << 20;
    /// A word of a term, other than the first one.
    pub(in super::super) const INSIDE: u32 = 1 << 21;
}

/// The names of the roles in `roles.txt`, in the order of their bits. Bits without a name are those
/// of the lists.
pub(super) const ROLE_NAMES: [&str; 25] = [
    "identity", "trait", "person", "contempt", "hate", "harm", "intent", "negation", "obvious",
    "worth", "say", "counter", "praise", "self", "you", "first", "they", "common", "", "", "", "",
    "likened", "copula", "than",
];

/// Words with one of these roles are also recognized if they are misspelt.
const MISSPELT: u32 = role::IDENTITY
    | role::TRAIT
    | role::CONTEMPT
    | role::LIKENED
    | role::HATE
    | role::HARM
    | role::TOXIC;

/// Minimum length of a word that is recognized with a letter missing; if it were shorter, the
/// result would often be another word. Words that are one letter shorter are recognized with two
/// letters swapped.
const MISSPELT_LETTERS: usize = 5;

/// Real words that look like a misspelling of a listed one. They do not count as one.
const REAL_WORDS: &str = include_str!("real_words.txt");

/// Size in bits of the filter that saves most look-ups.
const FILTER_BITS: usize = 1 << 17;

/// Maximum number of words in a term.
const TERM_WORDS: usize = 8;

/// Maximum length of a disguised word in bytes.
pub(super) const HIDDEN_BYTES: usize = 24;

/// The entry of a term in the lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meaning {
    /// The category's index.
    pub(super) category: usize,
    pub(super) weight: f32,
    /// Whether the English list has it.
    pub(super) is_english: bool,
}

/// What is known about a word or a sequence of words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) roles: u32,
    /// The entry of the term in the lists.
    meaning: Option<Meaning>,
    /// Whether a longer term starts with it.
    is_prefix: bool,
}

/// All terms by the hash of their words.
pub(super) struct Lexicon {
    entries: FxHashMap<u64, Entry>,
    /// A Bloom filter with one hash function for the first words of all terms.
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

    /// The entry of a term, which is created if necessary; its first word is added to the filter.
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

    /// Adds misspellings of words, unless they are words themselves: a missing letter or two
    /// swapped ones.
    fn add_misspellings(&mut self) {
        let mut added = Vec::new();
        let listed = LISTS.iter().flat_map(|list| list.lines()).filter_map(parse_line);
        let words = listed.map(|(_, _, term)| term).chain(role_terms().map(|(_, term)| term));
        for word in words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())) {
            let Some(entry) = self.entries.get(&chain(0, hash_of(word))) else { continue };
            if word.len() + 1 < MISSPELT_LETTERS || entry.roles & MISSPELT == 0 {
                continue;
            }
            // A misspelling has the roles of the word, but it is no evidence of a listed term.
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

    /// Whether a term may start with the word. False positives are possible.
    pub(super) fn may_know(&self, hash: u64) -> bool {
        self.filter[filter_word(hash)] & filter_bit(hash) != 0
    }

    /// The entry of a single word.
    pub(super) fn word(&self, hash: u64) -> Option<&Entry> {
        if self.may_know(hash) { self.entries.get(&chain(0, hash)) } else { None }
    }

    /// Marks the roles of the terms that start at the first token. Returns the longest listed term
    /// among them, with its number of tokens.
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

    /// The hash of the listed word that is disguised by digits, signs or repeated letters.
    pub(super) fn unmask(&self, written: &str) -> Option<u64> {
        if written.len() > HIDDEN_BYTES {
            return None;
        }
        let plain: Vec<u8> = written.bytes().map(plain_letter).collect();
        // `1` and `!` can also stand for an `l`.
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

    /// The hash of the word that fits letters some of which are masked: `s**t`.
    fn guess(&self, masked: &[u8]) -> Option<u64> {
        let fits = |word: &&str| {
            let mut pairs = word.bytes().zip(masked);
            word.len() == masked.len()
                && pairs.all(|(letter, sign)| is_mask(*sign) || sign.eq_ignore_ascii_case(&letter))
        };
        // The first letter must be visible, or any word of asterisks would fit.
        let is_open = masked.first().is_some_and(u8::is_ascii_alphabetic);
        let word = MASKED.iter().find(|word| is_open && fits(word))?;
        let hash = hash_of(word);
        self.word(hash).map(|_| hash)
    }
}

/// Words that people mask with asterisks, most common first.
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

/// The letters, with runs of three or more equal ones shortened to at most `kept`.
fn squeeze(letters: &[u8], kept: usize) -> impl Iterator<Item = u8> {
    letters.chunk_by(|a, b| a == b).flat_map(move |run| {
        let length = if run.len() > 2 { run.len().min(kept) } else { run.len() };
        run[..length].iter().copied()
    })
}

/// All spellings of a word with an inner letter missing (if the word is long enough) and with two
/// neighbouring letters swapped. The first letter always stays the same.
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

/// Extends the key of a term by the hash of its next word.
fn chain(key: u64, hash: u64) -> u64 {
    (key.rotate_left(23) ^ hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn filter_word(hash: u64) -> usize {
    (hash >> 6) as usize % (FILTER_BITS / 64)
}

fn filter_bit(hash: u64) -> u64 {
    1 << (hash & 63)
}

/// The index of the category, the weight and the term of a line of a list; `None` for a comment or
/// a blank line. A test checks that no other line is skipped.
pub(super) fn parse_line(line: &str) -> Option<(usize, f32, &str)> {
    let mut parts = line.splitn(3, ' ');
    let category = parts.next()?;
    let category = CATEGORIES.iter().position(|name| *name == category)?;
    Some((category, parts.next()?.parse().ok()?, parts.next()?.trim()))
}

/// The bit and the term of each entry of `roles.txt`. A test checks that all roles have a bit.
pub(super) fn role_terms() -> impl Iterator<Item = (u32, &'static str)> {
    let lines = ROLES.lines().filter(|line| !line.starts_with('#'));
    let roles = lines.filter_map(|line| {
        let (name, terms) = line.split_once(": ")?;
        Some((ROLE_NAMES.iter().position(|role| *role == name)?, terms))
    });
    roles.flat_map(|(at, terms)| terms.split(", ").map(move |term| (1 << at, term)))
}
