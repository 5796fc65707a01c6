//! Suggestions for misspelt names.

/// Jaro-Winkler similarity below which a suggestion would only confuse.
const SIMILARITY_MIN: f64 = 0.8;

/// The candidate that is most similar to `name`, or `None` where none is similar.
///
/// ```
/// let stages = ["language", "quality", "url"];
/// assert_eq!(sql::nearest("langauge", stages.into_iter()), Some("language"));
/// assert_eq!(sql::nearest("pii", stages.into_iter()), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
