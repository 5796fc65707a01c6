//! The input formats, their names and the file endings by which they are known.

use crate::decompress::Compression;

/// The format of a file's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A web archive (WARC 1.0 and 1.1, ISO 28500): pages as they were fetched.
    Warc,
    /// A web archive of extracted texts, as Common Crawl publishes them; read like
    /// [`Format::Warc`].
    Wet,
    /// One JSON object per line.
    Jsonl,
    /// Parquet: one document per row.
    Parquet,
    /// Arrow IPC, as a file or a stream: one document per row.
    Arrow,
    /// Values separated by commas, with names in the first row: one document per row.
    Csv,
    /// Values separated by tabs, with names in the first row: one document per row.
    Tsv,
    /// Plain text: the file is one document.
    Text,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 8] = [
        Self::Warc,
        Self::Wet,
        Self::Jsonl,
        Self::Parquet,
        Self::Arrow,
        Self::Csv,
        Self::Tsv,
        Self::Text,
    ];

    /// The name in a recipe, and the endings of file names.
    fn names(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Warc => ("warc", &["warc"]),
            Self::Wet => ("wet", &["wet"]),
            Self::Jsonl => ("jsonl", &["jsonl", "ndjson", "jsonlines", "jl", "json"]),
            Self::Parquet => ("parquet", &["parquet"]),
            Self::Arrow => ("arrow", &["arrow", "feather"]),
            Self::Csv => ("csv", &["csv"]),
            Self::Tsv => ("tsv", &["tsv"]),
            Self::Text => ("text", &["txt", "text"]),
        }
    }

    /// Whether `first`, the first bytes of a file, look like this format without compression. A
    /// file whose name says that it is compressed, but which has no magic number, is read as plain
    /// only if they do.
    pub(crate) fn opens_with(self, first: &[u8]) -> bool {
        let start = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
        match self {
            Self::Warc | Self::Wet => start.starts_with(b"WARC/"),
            Self::Jsonl => start.starts_with(b"{"),
            Self::Text | Self::Csv | Self::Tsv => {
                !start.is_empty() && start.iter().all(|&b| b >= 0x20 || b"\t\r\n".contains(&b))
            }
            Self::Parquet | Self::Arrow => true,
        }
    }

    /// Whether files of this format compress their own pages, and so are never compressed as a
    /// whole.
    fn compresses_itself(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }

    /// The place of a record for people: `line 3`, `row 7`, or `byte 400` where records are found by
    /// their offset.
    pub fn place(self, ordinal: u32, offset: u64) -> String {
        let number = u64::from(ordinal) + 1;
        match self {
            Self::Jsonl => format!("line {number}"),
            Self::Parquet | Self::Arrow | Self::Csv | Self::Tsv => format!("row {number}"),
            Self::Warc | Self::Wet | Self::Text => format!("byte {offset}"),
        }
    }

    /// The name that a recipe gives the format.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// The format that a recipe calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format and compression that the endings of a file's name suggest, ignoring case:
    /// `a.warc.gz`, `a.warc.wet.gz`, `a.jsonl.zst`, `a.ndjson`, `a.parquet`, `a.txt`.
    pub fn from_name(name: &str) -> Option<(Self, Compression)> {
        let name = name.to_ascii_lowercase();
        let (stem, ending) = name.rsplit_once('.')?;
        let (stem, compression) = match Compression::of_ending(ending) {
            Some(compression) => (stem, compression),
            None => (name.as_str(), Compression::None),
        };
        let (_, ending) = stem.rsplit_once('.')?;
        let format = Self::ALL.into_iter().find(|format| format.names().1.contains(&ending))?;
        let is_readable = !format.compresses_itself() || compression == Compression::None;
        is_readable.then_some((format, compression))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_known_by_its_name_and_endings() {
        for format in Format::ALL {
            assert_eq!(Format::named(format.name()), Some(format));
            for ending in format.names().1 {
                let found = Format::from_name(&format!("a.b/c.{ending}"));
                assert_eq!(found, Some((format, Compression::None)));
            }
        }
        assert_eq!(Format::from_name("A.WARC.WET.GZ"), Some((Format::Wet, Compression::Gzip)));
        assert_eq!(Format::from_name("a.jsonl.zst"), Some((Format::Jsonl, Compression::Zstd)));
        for name in ["a", "jsonl", "a.gz", "a.parquet.gz", "a.arrow.gz", "a.xlsx"] {
            assert_eq!(Format::from_name(name), None, "{name}");
        }
    }
}
