//! Patterns over paths and object names.

use globset::{GlobBuilder, GlobMatcher};

/// Names that tools leave in a folder beside the data: of Spark, Hive and Hadoop.
const TOOL_NAMES: [&str; 2] = ["_temporary", "_SUCCESS"];

/// A pattern over a path whose names are separated by `/`.
pub(super) struct Pattern {
    whole: GlobMatcher,
    /// The matcher of each name of the pattern, with the name.
    names: Vec<(String, GlobMatcher)>,
}

/// Whether a text has characters that only mean something in a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The message says what is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let matcher = |pattern: &str| {
            GlobBuilder::new(pattern).literal_separator(true).build().map(|g| g.compile_matcher())
        };
        let whole =
            matcher(pattern).map_err(|error| format!("is not a pattern: {}", error.kind()))?;
        // A name within braces that hold a `/` is no pattern alone, and spells no hidden name.
        let names = pattern.split('/').filter_map(|name| Some((name.into(), matcher(name).ok()?)));
        Ok(Self { whole, names: names.collect() })
    }

    /// The pattern that matches every path.
    ///
    /// # Errors
    /// None; the pattern is fixed.
    pub(super) fn everything() -> Result<Self, String> {
        Self::new("**")
    }

    /// Whether a path matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.whole.is_match(path) && path.split('/').all(|name| self.may_enter(name))
    }

    /// Whether a file or folder may be looked at: it is not hidden, or the pattern spells its name.
    pub(super) fn may_enter(&self, name: &str) -> bool {
        let is_hidden = name.starts_with('.') || TOOL_NAMES.contains(&name);
        let spells = |(pattern, matcher): &(String, GlobMatcher)| {
            pattern.chars().next() == name.chars().next() && matcher.is_match(name)
        };
        !is_hidden || self.names.iter().any(spells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(path)
    }

    #[test]
    fn a_star_stays_within_a_name() {
        assert!(matches("a/*.jsonl", "a/b.jsonl") && !matches("a/*.jsonl", "a/b/c.jsonl"));
        assert!(matches("a/**/*.jsonl", "a/b/c.jsonl") && matches("a/**/*.jsonl", "a/c.jsonl"));
        assert!(matches("a/?.jsonl", "a/x.jsonl") && !matches("a/?.jsonl", "a/xy.jsonl"));
        assert!(matches("[xy].jsonl", "x.jsonl") && !matches("[xy].jsonl", "z.jsonl"));
        assert!(matches("{a,b/c}.txt", "b/c.txt") && !matches("{a,b}.txt", "c.txt"));
        assert!(matches("**", "any/thing"));
    }

    #[test]
    fn hidden_names_match_only_when_spelled() {
        for (path, spelled) in [
            (".h.jsonl", ".*.jsonl"),
            (".old/z.jsonl", ".old/*.jsonl"),
            ("_temporary/0/p.jsonl", "_temporary/**"),
            ("_SUCCESS", "_*"),
        ] {
            assert!(!matches("**", path) && !matches("**/*", path), "{path}");
            assert!(matches(spelled, path), "{path}");
        }
        assert!(matches("*", "_data.jsonl"));
    }

    #[test]
    fn a_wrong_pattern_is_refused() {
        for wrong in ["[a", "{a,b", "a[z-a]"] {
            let message = Pattern::new(wrong).err().unwrap();
            assert!(message.starts_with("is not a pattern: "), "{message}");
        }
    }
}
