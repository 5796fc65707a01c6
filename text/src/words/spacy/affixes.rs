//! The marks at which a chunk is split: prefixes, suffixes and infixes.

use crate::words::classes::{
    ALPHA, BEFORE_STOP, Classes, INFIX, LOWER, PREFIX, QUOTE, SUFFIX, UPPER,
};

/// An upper bound of the length of a unit of measure in bytes.
const MAX_UNIT_BYTES: usize = 16;

/// The rules for prefixes, suffixes and infixes, with their tables.
#[derive(Debug)]
pub(super) struct Affixes {
    classes: &'static Classes,
    /// Units of measure and currencies, which are split off after a digit; sorted.
    units: Vec<&'static str>,
    /// For each byte, whether it may start an infix.
    may_split: [bool; 256],
}

impl Affixes {
    pub(super) fn new(classes: &'static Classes) -> Self {
        let mut units: Vec<&str> = include_str!("../tables/units.txt").lines().collect();
        units.sort_unstable();
        let mut may_split = [false; 256];
        for (byte, may_split) in may_split.iter_mut().enumerate() {
            let byte = byte as u8;
            *may_split = !byte.is_ascii() || b".+-*^,~:<>=/".contains(&byte);
            *may_split |= byte.is_ascii() && classes.is(byte as char, INFIX);
        }
        Self { classes, units, may_split }
    }

    /// Whether there is a character and it has the class.
    fn is(&self, character: Option<char>, class: u16) -> bool {
        character.is_some_and(|character| self.classes.is(character, class))
    }

    /// The length in bytes of a text's prefix, or 0 if it has none.
    pub(super) fn prefix(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        match bytes.first() {
            None => 0,
            Some(b'.') => {
                let stops = bytes.iter().take_while(|byte| **byte == b'.').count();
                if stops > 1 { stops } else { 0 }
            }
            Some(b'+') => usize::from(!bytes.get(1).is_some_and(u8::is_ascii_digit)),
            Some(b'U') if text.starts_with("US$") => 3,
            Some(b'A' | b'C') if bytes.get(1) == Some(&b'$') => 2,
            Some(_) => {
                let first = text.chars().next();
                first.filter(|first| self.classes.is(*first, PREFIX)).map_or(0, char::len_utf8)
            }
        }
    }

    /// The length in bytes of a text's suffix, or 0 if it has none. If several rules match, the
    /// longest suffix is used.
    pub(super) fn suffix(&self, text: &str, may_have_unit: bool) -> usize {
        let mut characters = text.chars();
        let Some(last) = characters.next_back() else { return 0 };
        if last == '.' {
            return self.final_stops(text);
        }
        let mut length = match last {
            's' | 'S' => match characters.next_back() {
                Some(quote @ ('\'' | '’')) => 1 + quote.len_utf8(),
                _ => 0,
            },
            '…' => last.len_utf8() * if characters.next_back() == Some('…') { 2 } else { 1 },
            '+' => usize::from(characters.next_back().is_some_and(|c| c.is_ascii_digit())),
            _ => 0,
        };
        if length == 0 && self.classes.is(last, SUFFIX) {
            length = last.len_utf8();
        }
        if may_have_unit { length.max(self.unit(text)) } else { length }
    }

    /// The length in bytes of the full stops at the end of a text that are split off.
    fn final_stops(&self, text: &str) -> usize {
        let stops = text.bytes().rev().take_while(|byte| *byte == b'.').count();
        if stops > 1 {
            return stops;
        }
        let mut before = text[..text.len() - 1].chars();
        let last = before.next_back();
        if self.is(last, BEFORE_STOP) {
            return 1;
        }
        let last_but_one = before.next_back();
        let is_degree = last_but_one == Some('°') && matches!(last, Some('F' | 'C' | 'K'));
        let is_abbreviation = self.is(last, UPPER) && self.is(last_but_one, UPPER);
        usize::from(is_degree || is_abbreviation)
    }

    /// The number of bytes after the last digit of a text if they are a unit, otherwise 0.
    fn unit(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let unit = bytes
            .iter()
            .rev()
            .take(MAX_UNIT_BYTES + 1)
            .position(u8::is_ascii_digit)
            .and_then(|length| text.get(text.len() - length..));
        match unit {
            Some(unit) if !unit.is_empty() && self.units.binary_search(&unit).is_ok() => unit.len(),
            _ => 0,
        }
    }

    /// Splits off prefixes and suffixes until there are none, and returns the rest. Suffixes are
    /// appended in reverse order.
    pub(super) fn strip<'a>(
        &self,
        chunk: &'a str,
        may_have_unit: bool,
        prefixes: &mut Vec<&'a str>,
        suffixes: &mut Vec<&'a str>,
    ) -> &'a str {
        let mut rest = chunk;
        loop {
            let (prefix, behind) = rest.split_at(self.prefix(rest));
            let (before, suffix) =
                behind.split_at(behind.len() - self.suffix(behind, may_have_unit));
            if !prefix.is_empty() {
                prefixes.push(prefix);
            }
            if !suffix.is_empty() {
                suffixes.push(suffix);
            }
            if before.len() == rest.len() {
                return rest;
            }
            rest = before;
        }
    }

    /// Appends a text, split at its infixes. An infix at the very start of the text is not split
    /// off.
    pub(super) fn split_infixes<'a>(&self, text: &'a str, tokens: &mut Vec<&'a str>) {
        let bytes = text.as_bytes();
        let mut start = 0;
        let mut at = 0;
        while let Some(next) =
            bytes.get(at..).and_then(|rest| rest.iter().position(|b| self.may_split[*b as usize]))
        {
            at += next;
            let (length, is_infix) = self.infix(text, at);
            if is_infix && at > 0 {
                if at > start {
                    tokens.push(&text[start..at]);
                }
                tokens.push(&text[at..at + length]);
                start = at + length;
            }
            at += length;
        }
        if start < text.len() {
            tokens.push(&text[start..]);
        }
    }

    /// The length in bytes of the infix at a position, and `true`; or the length of the character
    /// there, and `false` if it is not an infix.
    fn infix(&self, text: &str, at: usize) -> (usize, bool) {
        let (before, rest) = text.split_at(at);
        let mut behind = rest.chars();
        let Some(mark) = behind.next() else { return (1, false) };
        let before = before.chars().next_back();
        let next = behind.next();
        let length = mark.len_utf8();
        let is_infix = match mark {
            '.' if next == Some('.') => {
                return (rest.bytes().take_while(|byte| *byte == b'.').count(), true);
            }
            '.' => self.is(before, LOWER | QUOTE) && self.is(next, UPPER | QUOTE),
            ',' => self.is(before, ALPHA) && self.is(next, ALPHA),
            ':' | '<' | '>' | '=' | '/' => self.is_alphanumeric(before) && self.is(next, ALPHA),
            '+' | '*' | '^' => is_between_digits(before, next),
            '-' if is_between_digits(before, next) => true,
            '-' | '–' | '—' | '~' => {
                if !self.is_alphanumeric(before) {
                    self.classes.is(mark, INFIX)
                } else if self.is(next, ALPHA) {
                    true
                } else {
                    let dashes = ["---", "--", "——"].into_iter().find(|dashes| {
                        let behind = rest.strip_prefix(*dashes);
                        self.is(behind.and_then(|behind| behind.chars().next()), ALPHA)
                    });
                    return dashes.map_or((length, false), |dashes| (dashes.len(), true));
                }
            }
            _ => self.classes.is(mark, INFIX),
        };
        (length, is_infix)
    }

    fn is_alphanumeric(&self, character: Option<char>) -> bool {
        character.is_some_and(|c| c.is_ascii_digit() || self.classes.is(c, ALPHA))
    }
}

/// Whether the characters around an arithmetic sign are digits; the second may also be a minus.
fn is_between_digits(before: Option<char>, next: Option<char>) -> bool {
    before.is_some_and(|c| c.is_ascii_digit())
        && next.is_some_and(|c| c.is_ascii_digit() || c == '-')
}
