//! Lines, paragraphs and sentences that many documents share: menus, notices, calls to subscribe.
//!
//! A text is cut into [`Unit`]s; each has a 64-bit key, and a key that more than a given number of
//! documents have is repeated ([`KeySorter`]). Repeated units are taken out or counted
//! ([`Lines::rewrite`]). With keys of three successive sentences ([`LineOptions::run_units`]) this is
//! the span deduplication of C4 (Raffel et al. 2020, §2.2) and of datatrove's `SentDedup`; with
//! single paragraphs it is that of CCNet (Wenzek et al. 2020, §3.1).
//!
//! Two different units among 10^9 have the same key with a probability of 3 %, among 10^8 of
//! 0.03 %; then both are taken for repeated, where they would be unique.

mod repeated;
mod rewrite;
#[cfg(test)]
mod tests;
mod units;

use std::borrow::Cow;

use text::normalise::simplify;
use xxhash_rust::xxh3::xxh3_64;

pub use repeated::{KeySorter, PartKeys, RepeatedKeys, RepeatedOptions};
pub use rewrite::{Action, Rewritten};
pub use units::Unit;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOptions {
    /// The pieces of a text.
    pub unit: Unit,
    /// Whether they are compared in the form of [`text::normalise::simplify`]: without case,
    /// punctuation, accents and the value of numbers. Otherwise byte by byte, but for white space at
    /// both ends.
    pub simplified: bool,
    /// Shorter units, in characters without white space at both ends, are neither looked at nor
    /// taken out. Nor are those that the simplified form leaves nothing of, such as rules.
    pub min_characters: usize,
    /// Successive units, of those looked at, that make one key: 1, or 3 for the spans of C4. A
    /// repeated key stands for all its units. 0 counts as 1.
    pub run_units: usize,
}

impl Default for LineOptions {
    fn default() -> Self {
        Self { unit: Unit::Line, simplified: true, min_characters: 20, run_units: 1 }
    }
}

/// Finds and takes out the repeated units of one document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines {
    options: LineOptions,
}

impl Lines {
    /// With options.
    pub fn new(options: LineOptions) -> Self {
        Self { options }
    }

    /// Appends the distinct keys of a text, ascending.
    pub fn keys(&self, text: &str, out: &mut Vec<u64>) {
        let units = self.options.unit.split(text);
        let keys: Vec<u64> = units.iter().filter_map(|unit| self.key(unit.of(text))).collect();
        let start = out.len();
        out.extend(self.run_keys(&keys));
        out[start..].sort_unstable();
        let mut last = None;
        let mut kept = start;
        for index in start..out.len() {
            let key = out[index];
            if last.replace(key) != Some(key) {
                out[kept] = key;
                kept += 1;
            }
        }
        out.truncate(kept);
    }

    /// The key of a unit, if it is looked at.
    fn key(&self, unit: &str) -> Option<u64> {
        // A character has a byte at least.
        if unit.len() < self.options.min_characters
            || unit.chars().count() < self.options.min_characters
        {
            return None;
        }
        let form =
            if self.options.simplified { Cow::from(simplify(unit)) } else { Cow::from(unit) };
        (!form.is_empty()).then(|| xxh3_64(form.as_bytes()))
    }

    /// The keys of all runs of [`LineOptions::run_units`], from the keys of the units.
    fn run_keys<'a>(&self, keys: &'a [u64]) -> impl Iterator<Item = u64> + use<'a> {
        let of_run = |run: &[u64]| match run {
            [key] => *key,
            _ => {
                xxh3_64(run.iter().flat_map(|key| key.to_le_bytes()).collect::<Vec<_>>().as_slice())
            }
        };
        keys.windows(self.options.run_units.max(1)).map(of_run)
    }
}
