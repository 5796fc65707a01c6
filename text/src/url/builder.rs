//! Reading lists, line by line, into a [`BlockList`].

use std::io::{self, BufRead};

use memchr::memchr;

use super::block_list::{BlockList, Dialect};
use super::entry;
use super::fingerprints::Gathered;
use super::words::WordLists;

/// Longer lines are no entries.
const LINE_LIMIT_BYTES: usize = 1 << 16;

/// Soft words that condemn a URL together: datatrove's `soft_word_threshold`, FineWeb's value.
const SOFT_WORDS_MINIMUM: usize = 2;

/// What the lines of a list are.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ListKind {
    /// Domains and hosts.
    Domains,
    /// Addresses.
    Urls,
    /// Words of which one is enough.
    BannedWords,
    /// Words of which it takes several.
    SoftWords,
    /// Strings that may stand anywhere.
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

    /// What kind of list a file is, by its name, or `None` for a file that is no list.
    ///
    /// The names are those of FineWeb's lists (`domains`, `urls`, `banned_words.txt`,
    /// `soft_banned_words.txt`, `banned_subwords.txt`), of which each category of a directory can
    /// have its own (`adult/domains`), and of hosts files (`hosts`, `hosts.txt`).
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
        match () {
            () if has("subwords") => Some(ListKind::Subwords),
            () if has("words") && stem.contains("soft") => Some(ListKind::SoftWords),
            () if has("words") => Some(ListKind::BannedWords),
            () if has("urls") => Some(ListKind::Urls),
            () if has("domains") || has("hosts") => Some(ListKind::Domains),
            () => None,
        }
    }
}

/// What became of the lines of one kind of list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LineCounts {
    /// Entries read, duplicates included; a line of a hosts file can have several.
    pub entries: u64,
    /// Lines that are blank or a comment.
    pub skipped: u64,
    /// Lines that are no entry of this kind, or found no room.
    pub unusable: u64,
}

/// Gathers the lines of lists for a [`BlockList`]: 16 bytes a domain or URL, and when it is built
/// 9 more. The order of the lines and duplicates among them do not matter.
#[derive(Debug)]
pub struct BlockListBuilder {
    dialect: Dialect,
    soft_words_minimum: usize,
    domains: Gathered,
    urls: Gathered,
    url_hosts: Gathered,
    url_longest_bytes: usize,
    words: WordLists,
    counts: [LineCounts; 5],
}

impl BlockListBuilder {
    /// No lists yet, for comparing as `dialect` does.
    pub fn new(dialect: Dialect) -> Self {
        BlockListBuilder {
            dialect,
            soft_words_minimum: SOFT_WORDS_MINIMUM,
            domains: Gathered::default(),
            urls: Gathered::default(),
            url_hosts: Gathered::default(),
            url_longest_bytes: 0,
            words: WordLists::default(),
            counts: [LineCounts::default(); 5],
        }
    }

    /// How many different soft words block a URL; at least one. Two unless told.
    #[must_use]
    pub fn soft_words_minimum(mut self, minimum: usize) -> Self {
        self.soft_words_minimum = minimum.max(1);
        self
    }

    /// Adds one line. Lines that begin with `#` are comments, in lists of domains and URLs also
    /// those that begin with `!` or `;`.
    pub fn add_line(&mut self, kind: ListKind, line: &[u8]) {
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
        let is_of_names = matches!(kind, ListKind::Domains | ListKind::Urls);
        let is_comment = match line.first() {
            None | Some(b'#') => true,
            Some(b'!' | b';') => is_of_names,
            Some(_) => false,
        };
        if is_comment {
            self.counts[kind as usize].skipped += 1;
            return;
        }
        let line = (line.len() <= LINE_LIMIT_BYTES).then(|| str::from_utf8(line).ok()).flatten();
        let entries = line.map_or(0, |line| self.add_entries(kind, line));
        let counts = &mut self.counts[kind as usize];
        counts.entries += entries as u64;
        counts.unusable += u64::from(entries == 0);
    }

    /// Adds the lines of an iterator.
    pub fn add_lines<'a>(&mut self, kind: ListKind, lines: impl IntoIterator<Item = &'a [u8]>) {
        lines.into_iter().for_each(|line| self.add_line(kind, line));
    }

    /// Adds the lines of a file in memory.
    pub fn add_bytes(&mut self, kind: ListKind, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
            self.add_line(kind, &bytes[..end]);
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
    }

    /// Adds the lines of a reader, one at a time in memory.
    ///
    /// # Errors
    /// Those of the reader; the lines before stay.
    pub fn add_reader(&mut self, kind: ListKind, mut reader: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = io::Read::take(&mut reader, LINE_LIMIT_BYTES as u64 + 1);
            if limited.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if line.len() > LINE_LIMIT_BYTES && !line.ends_with(b"\n") {
                reader.skip_until(b'\n')?;
            }
            self.add_line(kind, &line);
        }
    }

    /// What became of the lines so far.
    pub fn counts(&self, kind: ListKind) -> LineCounts {
        self.counts[kind as usize]
    }

    /// Adds what a line names and says how many entries that are.
    fn add_entries(&mut self, kind: ListKind, line: &str) -> usize {
        match (kind, self.dialect) {
            (ListKind::Domains, Dialect::Canonical) => {
                let mut has_room = true;
                let count = entry::domains(line, |name| {
                    has_room &= self.domains.insert(name.as_bytes());
                });
                if has_room { count } else { 0 }
            }
            (ListKind::Domains, Dialect::Datatrove) => {
                usize::from(self.domains.insert(line.as_bytes()))
            }
            (ListKind::Urls, Dialect::Canonical) => {
                let is_added = entry::url(line).is_some_and(|url| {
                    let host = url.split('/').next().unwrap_or_default();
                    self.url_hosts.insert(host.as_bytes()) && self.add_url(&url)
                });
                usize::from(is_added)
            }
            (ListKind::Urls, Dialect::Datatrove) => usize::from(self.add_url(line)),
            (ListKind::BannedWords | ListKind::SoftWords | ListKind::Subwords, _) => {
                let word = entry::word(line);
                usize::from(!word.is_empty() && self.add_word(kind, word))
            }
        }
    }

    fn add_url(&mut self, url: &str) -> bool {
        self.url_longest_bytes = self.url_longest_bytes.max(url.len());
        self.urls.insert(url.as_bytes())
    }

    fn add_word(&mut self, kind: ListKind, word: String) -> bool {
        match kind {
            ListKind::Subwords => self.words.insert_subword(word),
            ListKind::SoftWords => self.words.insert_soft(&word),
            _ => self.words.insert_banned(&word),
        }
    }

    /// Makes the lists ready to be asked.
    pub fn build(self) -> BlockList {
        BlockList {
            dialect: self.dialect,
            domains: self.domains.finish(),
            urls: self.urls.finish(),
            url_hosts: self.url_hosts.finish(),
            url_longest_bytes: self.url_longest_bytes,
            words: self.words.finish(self.soft_words_minimum, self.dialect == Dialect::Datatrove),
        }
    }
}
