//! Lines, paragraphs and sentences that many documents share: menus, notices, calls to subscribe.
//!
//! A text is cut into [`Unit`]s, and each unit has a 64-bit key. A key is repeated if more than a
//! given number of documents have it ([`KeySorter`]). Repeated units are removed or counted
//! ([`Lines::rewrite`]). With keys of three successive sentences ([`LineOptions::run_units`]) this
//! is the span deduplication of C4 (Raffel et al. 2020, §2.2) and of datatrove's `SentDedup`. With
//! single paragraphs it is the deduplication of CCNet (Wenzek et al. 2020, §3.1).
//!
//! Among 10^9 different units, two have the same key with a probability of 3 %, among 10^8 with one
//! of 0.03 %. Both are then treated as one unit, and so as repeated.

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

/// Which units are compared, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOptions {
    /// The unit into which texts are cut.
    pub unit: Unit,
    /// Whether units are compared in the form of [`text::normalise::simplify`]: without case,
    /// punctuation, accents and the value of numbers. Otherwise they are compared byte by byte,
    /// without white space at both ends.
    pub simplified: bool,
    /// The smallest length of a compared unit, in characters without white space at both ends.
    /// Shorter units are never repeated. Neither are units whose simplified form is empty, such as
    /// horizontal rules.
    pub min_characters: usize,
    /// The number of successive compared units that make one key: 1, or 3 for the spans of C4. A
    /// repeated key makes all its units repeated. 0 counts as 1.
    pub run_units: usize,
}

impl Default for LineOptions {
    fn default() -> Self {
        Self { unit: Unit::Line, simplified: true, min_characters: 20, run_units: 1 }
    }
}

/// Finds and removes the repeated units of one document.
///
/// ```
/// use dedup::lines::{Action, LineOptions, Lines};
///
/// let lines = Lines::new(LineOptions { min_characters: 1, ..LineOptions::default() });
/// let rewritten = lines.dedup_within("Home\nNews\nHome\n", Action::Remove);
/// assert_eq!(rewritten.text, "Home\nNews\n");
/// assert_eq!(rewritten.repeated_units, 1);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines {
    options: LineOptions,
}

impl Lines {
    /// Makes a finder with the given options.
    pub fn new(options: LineOptions) -> Self {
        Self { options }
    }

    /// Appends the distinct keys of a text to `out`, ascending.
    pub fn keys(&self, text: &str, out: &mut Vec<u64>) {
        let units = self.options.unit.split(text);
        let keys: Vec<u64> = units.iter().filter_map(|unit| self.key(unit.of(text))).collect();
        let start = out.len();
        // Only the appended part is sorted; `Vec::dedup` would also touch what `out` held before.
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

    /// Returns the key of a unit, or `None` if the unit is not compared.
    fn key(&self, unit: &str) -> Option<u64> {
        // A character has at least one byte, so the byte length rejects most units at once.
        if unit.len() < self.options.min_characters
            || unit.chars().count() < self.options.min_characters
        {
            return None;
        }
        let form =
            if self.options.simplified { Cow::from(simplify(unit)) } else { Cow::from(unit) };
        (!form.is_empty()).then(|| xxh3_64(form.as_bytes()))
    }

    /// Returns the keys of all runs of [`LineOptions::run_units`] units, given the units' keys.
    fn run_keys<'a>(&self, keys: &'a [u64]) -> impl Iterator<Item = u64> + use<'a> {
        let of_run = |run: &[u64]| match run {
            // A run of one unit has the unit's own key, without a second hash.
            [key] => *key,
            _ => {
                xxh3_64(run.iter().flat_map(|key| key.to_le_bytes()).collect::<Vec<_>>().as_slice())
            }
        };
        keys.windows(self.options.run_units.max(1)).map(of_run)
    }
}
