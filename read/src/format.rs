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
    /// Plain text: the file is one document.
    Text,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Warc, Self::Wet, Self::Jsonl, Self::Parquet, Self::Text];

    /// The name in a recipe, and the endings of file names.
    fn names(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Warc => ("warc", &["warc"]),
            Self::Wet => ("wet", &["wet"]),
            Self::Jsonl => ("jsonl", &["jsonl", "ndjson", "json"]),
            Self::Parquet => ("parquet", &["parquet"]),
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
            Self::Text => {
                !start.is_empty() && start.iter().all(|&b| b >= 0x20 || b"\t\r\n".contains(&b))
            }
            Self::Parquet => true,
        }
    }

    /// Whether files of this format compress their own pages, and so are never compressed as a
    /// whole.
    fn compresses_itself(self) -> bool {
        matches!(self, Self::Parquet)
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
        let (stem, compression) = match name.rsplit_once('.')? {
            (stem, "gz" | "gzip") => (stem, Compression::Gzip),
            (stem, "zst" | "zstd") => (stem, Compression::Zstd),
            _ => (name.as_str(), Compression::None),
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
        for name in ["a", "jsonl", "a.gz", "a.parquet.gz", "a.csv"] {
            assert_eq!(Format::from_name(name), None, "{name}");
        }
    }
}
