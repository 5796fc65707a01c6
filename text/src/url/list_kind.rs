//! The kinds of block lists.

/// What the lines of a list are.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ListKind {
    /// Domains, host names and host addresses.
    Domains,
    /// URLs.
    Urls,
    /// Words one of which blocks a URL.
    BannedWords,
    /// Words several of which block a URL.
    SoftWords,
    /// Strings that block a URL wherever they occur in it.
    Subwords,
}

impl ListKind {
    /// All kinds.
    pub const ALL: [ListKind; 5] = [
        ListKind::Domains,
        ListKind::Urls,
        ListKind::BannedWords,
        ListKind::SoftWords,
        ListKind::Subwords,
    ];

    /// The kind of list in a file, by the file's name, or `None` for a file that is not a list.
    ///
    /// The names are those of FineWeb's lists (`domains`, `urls`, `banned_words.txt`,
    /// `soft_banned_words.txt`, `banned_subwords.txt`), in any folder (`adult/domains`), and of
    /// hosts files (`hosts`, `hosts.txt`).
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next()?.to_ascii_lowercase();
        let (stem, extensions) = name.split_once('.').unwrap_or((&name, ""));
        let is_list = |extension: &str| {
            matches!(extension, "" | "txt" | "list" | "lst" | "gz" | "zst" | "xz" | "bz2")
        };
        if !extensions.split('.').all(is_list) {
            return None;
        }
        let has = |plural: &str| {
            let singular = &plural[..plural.len() - 1];
            stem.split(['_', '-']).any(|word| word == plural || word == singular)
        };
        if has("subwords") {
            Some(ListKind::Subwords)
        } else if has("words") {
            let is_soft = stem.contains("soft");
            Some(if is_soft { ListKind::SoftWords } else { ListKind::BannedWords })
        } else if has("urls") {
            Some(ListKind::Urls)
        } else {
            (has("domains") || has("hosts")).then_some(ListKind::Domains)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_file_name() {
        for (path, kind) in [
            ("fineweb/domains", Some(ListKind::Domains)),
            ("adult/urls.gz", Some(ListKind::Urls)),
            ("hosts.txt", Some(ListKind::Domains)),
            ("a/banned_words.txt", Some(ListKind::BannedWords)),
            ("a/soft_banned_words.txt", Some(ListKind::SoftWords)),
            ("a/banned_subwords.txt", Some(ListKind::Subwords)),
            ("adult/usage", None),
            ("adult/very_restrictive_expression", None),
            ("domains/README.md", None),
            ("urls.py", None),
            ("", None),
        ] {
            assert_eq!(ListKind::of_path(path), kind, "{path:?}");
        }
    }
}
