//! OLMo and dolma: `NAME.npy`, a bare array despite the name, and `NAME.csv.gz` with a row per
//! document: `start,end,id,src,loc`, the first two in tokens.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::format::Format;
use super::output::{DocumentName, Export};
use super::{FormatError, Result};

pub(super) const FORMAT: Format = Format { name: "olmo", export, open: None };

fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    let mut names = export.names.take();
    let mut named = 0;
    for entry in &manifest.shards {
        let lengths = export.shard(entry)?.document_tokens()?;
        export.link(&format!("{}.bin", entry.name), &format!("{}.npy", entry.name))?;
        let mut missing = false;
        export.write(&format!("{}.csv.gz", entry.name), |file| {
            // A fixed level and no time in the header, so that the bytes depend on the documents only.
            let mut csv = GzEncoder::new(io::BufWriter::new(file), Compression::new(6));
            let mut end = 0;
            for (number, n) in lengths.iter().enumerate() {
                let name = match &mut names {
                    None => Some(DocumentName {
                        id: format!("{}/{number}", entry.name),
                        source: entry.name.clone(),
                        location: number as u64,
                    }),
                    Some(names) => names.next(),
                };
                let Some(name) = name else {
                    missing = true;
                    break;
                };
                let start = end;
                end += u64::from(*n);
                let (id, source) = (field(&name.id), field(&name.source));
                write!(csv, "{start},{end},{id},{source},{}\r\n", name.location)?;
                named += 1;
            }
            csv.finish()?.flush()
        })?;
        if missing {
            return Err(FormatError::Names { named, documents: export.summary.documents });
        }
    }
    if let Some(names) = names {
        named += names.count() as u64;
    }
    if named != export.summary.documents {
        return Err(FormatError::Names { named, documents: export.summary.documents });
    }
    Ok(())
}

/// A field of a CSV file, quoted where necessary (RFC 4180, section 2).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.into()
}
