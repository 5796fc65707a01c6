//! Patterns for who is talked about and how: attacks on groups, insults, threats, and speech that
//! only looks like them.
//!
//! A sentence is an attack if it contains a word of contempt, hatred or intended harm that is not
//! negated, or if it denies somebody's worth. The attack is hateful if the sentence names a group
//! that is hated for what its members are, or if it refers to `them` after a sentence that named
//! one. Quotation, reports of what others say and condemnation turn an attack into talk about
//! attacks; words about oneself make it weaker. The classes follow those of HateCheck (Röttger et
//! al. 2021, "HateCheck: Functional Tests for Hate Speech Detection Models", table 1); the words
//! and weights were chosen for this project.

use super::lexicon::role;
use super::tokens::{Token, gap};

/// A negation cancels an attack that follows within this number of words.
const NEGATION_SCOPE: usize = 3;

/// A negation denies worth if a word for worth follows within this number of words.
const DENIAL_SCOPE: usize = 4;

/// Somebody is likened to something that follows a verb such as `are` within this number of words.
const COPULA_SCOPE: usize = 5;

/// An attack counts half if the nearest group is farther away than this number of words.
const TARGET_SCOPE: usize = 8;

/// A swear word is an attack on a group within this number of words.
const OATH_SCOPE: usize = 2;

/// The evidence from the sentences of a window: the maximum or the count of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Evidence {
    /// The strongest attack on a group, 0 to 1.
    pub(super) hate: f32,
    /// The strongest insult at a reader or a person, 0 to 1.
    pub(super) insult: f32,
    /// The strongest threat of harm, 0 to 1.
    pub(super) threat: f32,
    /// Number of words of contempt that are not negated.
    pub(super) contempt: f32,
    /// Sentences about attacks (quotation, reports, condemnation), each with a weight by its
    /// length.
    pub(super) counter: f32,
    /// Whether people use a slur for themselves or their friends.
    pub(super) reclaimed: bool,
    /// Number of words of praise.
    pub(super) praise: f32,
    /// Number of groups that are named.
    pub(super) groups: f32,
    /// Number of words for the reader.
    pub(super) readers: f32,
}

/// What was found in one sentence.
#[derive(Default)]
struct Sentence {
    groups: usize,
    attack: f32,
    harm: f32,
    contempt: f32,
    has_quoted_attack: bool,
    has_negated_attack: bool,
}

/// Collects the evidence from the sentences of a window.
pub(super) fn read(tokens: &[Token]) -> Evidence {
    let mut evidence = Evidence::default();
    let mut had_group = false;
    let mut start = 0;
    for end in 1..=tokens.len() {
        let is_end = tokens.get(end).is_none_or(|token| token.gap & gap::SENTENCE != 0);
        if is_end {
            // The root lets a short attack in a long window count more than its length.
            let share = ((end - start) as f32 / tokens.len() as f32).sqrt();
            had_group = read_sentence(&tokens[start..end], share, had_group, &mut evidence);
            start = end;
        }
    }
    evidence
}

/// Adds the evidence from a sentence, which depends on its share of the window; returns whether the
/// sentence names a group.
fn read_sentence(tokens: &[Token], share: f32, had_group: bool, evidence: &mut Evidence) -> bool {
    let count = |bits: u32| tokens.iter().filter(|token| token.roles & bits != 0).count();
    let mut sentence = Sentence::default();
    let groups: Vec<usize> = (0..tokens.len()).filter(|at| is_group(tokens, *at)).collect();
    sentence.groups = groups.len();
    attacks(tokens, &groups, &mut sentence);
    let names_group = sentence.groups > 0;
    let is_about_group = names_group || (had_group && count(role::THEY) > 0);
    let readers = count(role::YOU) as f32;
    let is_denial = sentence.has_negated_attack && sentence.attack + sentence.harm <= 0.0;
    let about = is_denial || talk_about(tokens, sentence.has_quoted_attack);
    let praise = count(role::PRAISE) as f32;
    let own = count(role::SELF) > 0;
    let weight = share * if about { 0.15 } else { 1.0 } * if own { 0.4 } else { 1.0 };
    if is_about_group {
        let attack = (sentence.attack + sentence.harm).min(1.0);
        evidence.hate = evidence.hate.max(attack * weight);
    } else {
        let is_aimed = readers > 0.0 || count(role::THEY) > 0;
        let aim = if is_aimed { 0.6 } else { 0.3 };
        evidence.insult = evidence.insult.max(sentence.attack.min(1.0) * aim * weight);
    }
    evidence.threat = evidence.threat.max(sentence.harm.min(1.0) * weight);
    evidence.contempt += sentence.contempt;
    evidence.counter += if about { share } else { 0.0 };
    evidence.reclaimed |= is_reclaimed(tokens);
    evidence.praise += praise;
    evidence.groups += sentence.groups as f32;
    evidence.readers += readers;
    names_group
}

/// Whether the token names a group: by itself, or as a trait with a person in the next two words.
fn is_group(tokens: &[Token], at: usize) -> bool {
    let roles = tokens[at].roles;
    let person = |token: &Token| token.roles & role::PERSON != 0;
    roles & role::IDENTITY != 0
        || (roles & role::TRAIT != 0 && tokens[at + 1..].iter().take(2).any(person))
}

/// Whether the sentence reports or condemns what others say.
fn talk_about(tokens: &[Token], has_quoted_attack: bool) -> bool {
    let has = |bits: u32| tokens.iter().any(|token| token.roles & bits != 0);
    let own_claim = tokens.windows(2).any(|pair| {
        pair[0].roles & role::FIRST != 0 && pair[1].roles & (role::SAY | role::OBVIOUS) != 0
    });
    let asks = has(role::OBVIOUS);
    has_quoted_attack || has(role::COUNTER) || (has(role::SAY) && !own_claim && !asks)
}

/// Whether a slur follows a word for the speaker, with at most one word in between.
fn is_reclaimed(tokens: &[Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let before = &tokens[at.saturating_sub(2)..at];
        let own = before.iter().any(|word| word.roles & (role::SELF | role::FIRST) != 0);
        token.roles & role::TOXIC != 0 && own
    })
}

/// Collects the attacks in a sentence.
fn attacks(tokens: &[Token], groups: &[usize], sentence: &mut Sentence) {
    let has_intent = tokens.iter().any(|token| token.roles & role::INTENT != 0);
    let mut is_quoted = false;
    for (at, token) in tokens.iter().enumerate() {
        is_quoted ^= at > 0 && token.gap & gap::QUOTE != 0;
        let roles = token.roles;
        let distance = groups.iter().map(|group| group.abs_diff(at)).min();
        let is_likened = roles & role::LIKENED != 0
            && (is_compared(&tokens[at..])
                || tokens[at.saturating_sub(COPULA_SCOPE)..at]
                    .iter()
                    .any(|token| token.roles & role::COPULA != 0));
        let near_group = groups.iter().any(|group| group.abs_diff(at) <= OATH_SCOPE);
        let is_negated = is_negated(tokens, at);
        let mut found = 0.0_f32;
        let is_contempt = roles & (role::CONTEMPT | role::HATE) != 0 || is_likened;
        if is_contempt && roles & role::PRAISE == 0 {
            if is_negated {
                sentence.has_negated_attack = true;
                continue;
            }
            found = 0.9;
            sentence.contempt += 1.0;
        }
        if roles & role::TOXIC != 0 && !is_negated {
            found = found.max(0.8);
        }
        if roles & role::PROFANE != 0 && near_group {
            found = found.max(0.7);
        }
        if roles & role::NEGATION != 0 && denies_worth(&tokens[at..]) && !groups.is_empty() {
            found = found.max(0.7);
        }
        if roles & role::HARM != 0 && is_negated {
            sentence.has_negated_attack = true;
        } else if roles & role::HARM != 0 {
            sentence.harm += if has_intent { 0.8 } else { 0.4 };
        }
        sentence.has_quoted_attack |= is_quoted && found > 0.0;
        let is_far = distance.is_some_and(|distance| distance > TARGET_SCOPE);
        sentence.attack += if is_far { found / 2.0 } else { found };
    }
}

/// Whether a token is negated: by a negation shortly before it, or by one directly before a group.
/// Phrases that only look like a negation, such as "no wonder", do not count.
fn is_negated(tokens: &[Token], at: usize) -> bool {
    let before = &tokens[at.saturating_sub(NEGATION_SCOPE)..at];
    let negations = before.iter().filter(|token| token.roles & role::NEGATION != 0).count();
    let asks = tokens[..at].iter().any(|token| token.roles & role::OBVIOUS != 0);
    let denies_group = (1..=at).any(|group| {
        tokens[group - 1].roles & role::NEGATION != 0
            && tokens[group].roles & (role::IDENTITY | role::TRAIT) != 0
    });
    (negations > 0 || denies_group) && !asks
}

/// Whether a negation is followed by something that everybody deserves.
fn denies_worth(tokens: &[Token]) -> bool {
    let bits =
        |count: usize| tokens.iter().skip(1).take(count).fold(0, |bits, token| bits | token.roles);
    bits(DENIAL_SCOPE) & role::WORTH != 0
        && bits(2 * DENIAL_SCOPE) & (role::CONTEMPT | role::HATE | role::HARM) == 0
}

/// Whether a group is said to be less than the thing that the first token names.
fn is_compared(tokens: &[Token]) -> bool {
    let than = tokens.iter().position(|token| token.roles & role::THAN != 0);
    than.is_some_and(|than| (than..tokens.len()).any(|at| is_group(tokens, at)))
}
