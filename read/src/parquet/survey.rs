//! Cutting a Parquet file between row groups.

use std::io;

use super::footer::read_footer;
use super::row_group::RowGroup;
use super::shared_file::SharedFile;
use crate::input::Input;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::survey::Survey;

/// Groups row groups into parts of about `part_bytes` bytes before compression.
pub(crate) fn survey(
    input: &Input,
    source: Box<dyn ReadSeek>,
    part_bytes: u64,
) -> io::Result<Survey> {
    let file = SharedFile::new(source)?;
    let Ok(metadata) = read_footer(&file, &input.fields)? else {
        // Reading the file reports what is wrong.
        return Ok(Survey::whole());
    };
    let mut parts = Vec::new();
    let (mut start, mut first_ordinal) = (0, 0);
    let (mut bytes, mut all_bytes, mut records) = (0u64, 0u64, 0u64);
    let groups = metadata.metadata().row_groups();
    for (number, group) in groups.iter().enumerate() {
        let group = RowGroup::new(number, group);
        bytes = bytes.saturating_add(group.decompressed_bytes);
        all_bytes = all_bytes.saturating_add(group.decompressed_bytes);
        records = records.saturating_add(group.rows);
        if bytes >= part_bytes || number + 1 == groups.len() {
            let end = number as u32 + 1;
            parts.push(PartRange::RowGroups { start, end, first_ordinal });
            (start, bytes) = (end, 0);
            // A file with more records than a u32 counts is refused by the reader.
            first_ordinal = u32::try_from(records).unwrap_or(u32::MAX);
        }
    }
    if parts.is_empty() {
        return Ok(Survey::whole());
    }
    Ok(Survey { parts, records: Some(records), decompressed_bytes: Some(all_bytes) })
}
