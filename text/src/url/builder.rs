//! Reads lists, line by line, and builds a [`BlockList`].

use std::io::{self, BufRead};

use super::block_list::{BlockList, Dialect};
use super::entry;
use super::fingerprints::Gathered;
use super::list_kind::ListKind;
use super::words::WordLists;

/// The maximum length of a line. Longer lines are unusable.
const LINE_LIMIT_BYTES: usize = 1 << 16;

/// How many different soft words block a URL: datatrove's `soft_word_threshold`, with FineWeb's
/// value.
const SOFT_WORDS_MINIMUM: usize = 2;

/// The results of reading the lines of one kind of list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LineCounts {
    /// Entries read, including duplicates. A line of a hosts file can have several.
    pub entries: u64,
    /// Blank lines and comments.
    pub skipped: u64,
    /// Lines that are not an entry of this kind (such as lines that are too long or not UTF-8), or
    /// for which there was no room.
    pub unusable: u64,
}

/// Collects the lines of lists for a [`BlockList`]. It takes 16 bytes for each domain or URL, and 9
/// more while the list is built. The order of the lines, and duplicates, do not matter.
#[derive(Debug)]
pub struct BlockListBuilder {
    dialect: Dialect,
    domains: Gathered,
    urls: Gathered,
    url_hosts: Gathered,
    url_longest_bytes: usize,
    words: WordLists,
    counts: [LineCounts; 5],
}

impl BlockListBuilder {
    /// A builder without entries, for lists that are compared according to `dialect`.
    pub fn new(dialect: Dialect) -> Self {
        BlockListBuilder {
            dialect,
            domains: Gathered::default(),
            urls: Gathered::default(),
            url_hosts: Gathered::default(),
            url_longest_bytes: 0,
            words: WordLists::default(),
            counts: [LineCounts::default(); 5],
        }
    }

    /// Adds one line. Lines that begin with `#` are comments; in lists of domains and URLs, lines
    /// that begin with `!` or `;` are comments too.
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
        let entries = match str::from_utf8(line) {
            Ok(line) if line.len() <= LINE_LIMIT_BYTES => self.add_entries(kind, line),
            _ => 0,
        };
        let counts = &mut self.counts[kind as usize];
        counts.entries += entries as u64;
        counts.unusable += u64::from(entries == 0);
    }

    /// Adds the lines of a reader. Only one line is in memory at a time.
    ///
    /// # Errors
    /// Errors of the reader. The lines before the error remain added.
    pub fn add_reader(&mut self, kind: ListKind, mut reader: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            // Of a line that is too long, only enough is kept to see that.
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

    /// The results of reading the lines so far.
    pub fn counts(&self, kind: ListKind) -> LineCounts {
        self.counts[kind as usize]
    }

    /// Adds the entries of a line and returns their number; 0 if the line is unusable.
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
                    let host = url.split_once('/').map_or(&*url, |(host, _)| host);
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

    /// Adds a URL. Returns `false` if there is no room.
    fn add_url(&mut self, url: &str) -> bool {
        self.url_longest_bytes = self.url_longest_bytes.max(url.len());
        self.urls.insert(url.as_bytes())
    }

    /// Adds a word or subword. Returns `false` if there is no room.
    fn add_word(&mut self, kind: ListKind, word: String) -> bool {
        match kind {
            ListKind::Subwords => self.words.insert_subword(word),
            ListKind::SoftWords => self.words.insert_soft(&word),
            _ => self.words.insert_banned(&word),
        }
    }

    /// Builds the block list.
    pub fn build(self) -> BlockList {
        BlockList {
            dialect: self.dialect,
            domains: self.domains.finish(),
            urls: self.urls.finish(),
            url_hosts: self.url_hosts.finish(),
            url_longest_bytes: self.url_longest_bytes,
            words: self.words.finish(SOFT_WORDS_MINIMUM, self.dialect == Dialect::Datatrove),
        }
    }
}
