//! Making a plan from the documents' lengths.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use crate::dataset::Split;

use super::best_fit::BestFit;
use super::concat::Concat;
use super::writer::PlanWriter;
use super::{PlanHeader, PlanSource, Segment, Statistics, Strategy};
use crate::{Result, ShardError};

/// The most positions of a row: 2^24, sixteen times the longest contexts that are trained with.
pub(super) const SEQUENCE_LENGTH_MAX: u32 = 1 << 24;

/// The most rows of a plan. The limit bounds the memory of planning to 8 GiB; 2^31 rows of 2,048 are
/// 4 T tokens.
const ROWS_MAX: u64 = 1 << 31;

/// The default number of documents that are packed together. Within a group the fit is as good as the
/// lengths allow. A group of a million leaves at most a few rows that are not full, and takes 40 MiB.
const GROUP_DOCUMENTS: usize = 1 << 20;

/// How to arrange documents in rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSettings {
    /// The kind of arrangement.
    pub strategy: Strategy,
    /// Positions to learn from in a row; the row has one token more.
    pub sequence_length: u32,
    /// The most documents that are packed together; it bounds the memory. `concat` ignores it.
    pub group_documents: usize,
}

impl PlanSettings {
    /// Best fit in groups of 2^20 documents.
    pub fn new(sequence_length: u32) -> Self {
        Self { strategy: Strategy::BestFit, sequence_length, group_documents: GROUP_DOCUMENTS }
    }

    /// The default name of a half's plan, beside the shards: `train-best-fit-2048.plan`.
    pub fn file_name(&self, split: Split) -> String {
        let strategy = match self.strategy {
            Strategy::Concat => "concat",
            Strategy::BestFit => "best-fit",
            Strategy::Truncate => "truncate",
        };
        format!("{}-{strategy}-{}.plan", split.as_str(), self.sequence_length)
    }
}

/// The documents of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDocuments {
    /// Its name.
    pub name: String,
    /// Ranges of the numbers that its documents have in the half, ascending.
    pub spans: Vec<Range<u64>>,
}

/// The documents of one half of a dataset.
pub struct Documents<'a> {
    /// The dataset's id.
    pub root: String,
    /// The half.
    pub split: Split,
    /// The number of documents in each shard, in order.
    pub shard_documents: Vec<u64>,
    /// Reads the lengths of a shard's documents, in tokens.
    pub lengths: &'a dyn Fn(usize) -> Result<Vec<u32>>,
}

/// Writes a plan to any sink; returns its header. `path` is named in errors.
///
/// # Errors
/// [`ShardError::Order`] when the settings are impossible; or an index cannot be read or the sink
/// cannot be written.
pub fn write_plan<W: Write>(
    documents: &Documents<'_>,
    sources: &[SourceDocuments],
    settings: &PlanSettings,
    out: W,
    path: &Path,
) -> Result<(W, PlanHeader)> {
    let PlanSettings { strategy, sequence_length, group_documents } = *settings;
    if !(1..=SEQUENCE_LENGTH_MAX).contains(&sequence_length) || group_documents == 0 {
        return Err(ShardError::Order(format!(
            "a row must have 1 to {SEQUENCE_LENGTH_MAX} positions and a group at least one document; \
             {sequence_length} positions and {group_documents} documents are given"
        )));
    }
    let row_tokens = sequence_length + 1;
    let mut planner = Planner {
        strategy,
        row_tokens,
        group_documents: group_documents.min(u32::MAX as usize - 1),
        writer: PlanWriter::new(out, row_tokens),
        concat: Concat::new(row_tokens),
        best_fit: BestFit::new(row_tokens),
        group: Vec::new(),
        statistics: Statistics::default(),
        rows_before: 0,
        path,
    };
    let mut planned = Vec::new();
    for source in sources {
        walk(documents, &source.spans, |document| planner.add(document))?;
        planned
            .push(PlanSource { name: source.name.clone(), statistics: planner.finish_source()? });
    }
    let header = PlanHeader {
        schema: PlanHeader::SCHEMA.into(),
        root: documents.root.clone(),
        split: documents.split,
        strategy,
        sequence_length,
        sources: planned,
        sums: String::new(),
    };
    planner.writer.finish(header).map_err(|e| store::StoreError::io(path, "write", e).into())
}

/// Calls `each` with every document of the spans that is not empty.
fn walk(
    documents: &Documents<'_>,
    spans: &[Range<u64>],
    mut each: impl FnMut(Segment) -> Result<()>,
) -> Result<()> {
    let mut spans = spans.iter().filter(|span| !span.is_empty()).peekable();
    let mut first = 0;
    for (shard, n_documents) in documents.shard_documents.iter().enumerate() {
        let end = first + n_documents;
        if spans.peek().is_none_or(|span| span.start >= end) {
            first = end;
            continue;
        }
        let lengths = (documents.lengths)(shard)?;
        if lengths.len() as u64 != *n_documents {
            return Err(ShardError::Order(format!(
                "shard {shard} has {} documents in its index and {n_documents} in the manifest",
                lengths.len()
            )));
        }
        let (mut start, mut number) = (0u32, first);
        for length in lengths {
            while spans.next_if(|span| span.end <= number).is_some() {}
            if length > 0 && spans.peek().is_some_and(|span| span.contains(&number)) {
                each(Segment { shard: shard as u32, start, length })?;
            }
            start = start
                .checked_add(length)
                .ok_or_else(|| ShardError::Order(format!("shard {shard} has over 2^32 tokens")))?;
            number += 1;
        }
        first = end;
        while spans.next_if(|span| span.end <= end).is_some() {}
    }
    match spans.next() {
        None => Ok(()),
        Some(span) => Err(ShardError::Order(format!(
            "a source has the documents {} to {}, which are out of order or beyond the last of {first}",
            span.start, span.end
        ))),
    }
}

struct Planner<'a, W> {
    strategy: Strategy,
    row_tokens: u32,
    group_documents: usize,
    writer: PlanWriter<W>,
    concat: Concat,
    best_fit: BestFit,
    group: Vec<Segment>,
    statistics: Statistics,
    rows_before: u64,
    path: &'a Path,
}

impl<W: Write> Planner<'_, W> {
    fn add(&mut self, document: Segment) -> Result<()> {
        self.statistics.documents += 1;
        self.statistics.tokens += u64::from(document.length);
        if self.rows_before + self.statistics.rows > ROWS_MAX {
            return Err(ShardError::Order(format!("a plan can have at most {ROWS_MAX} rows")));
        }
        match self.strategy {
            Strategy::Concat => self.add_to_stream(document),
            Strategy::BestFit => self.fragment(document),
            Strategy::Truncate => {
                let length = document.length.min(self.row_tokens);
                self.statistics.dropped_tokens += u64::from(document.length - length);
                self.group(Segment { length, ..document })
            }
        }
    }

    fn add_to_stream(&mut self, document: Segment) -> Result<()> {
        let Self { concat, writer, statistics, path, .. } = self;
        let rows = concat.add(document, |row| writer.row(row, statistics));
        let rows = rows.map_err(|e| store::StoreError::io(*path, "write", e))?;
        statistics.fragmented_documents += u64::from(rows > 1);
        Ok(())
    }

    /// Cuts a document into rows that overlap by one token. The last token of a row is only a label
    /// there; in the next row it is the first input. So no label is lost at a cut.
    fn fragment(&mut self, document: Segment) -> Result<()> {
        let mut rest = document;
        while rest.length > self.row_tokens {
            self.write_row(&[Segment { length: self.row_tokens, ..rest }])?;
            rest.start += self.row_tokens - 1;
            rest.length -= self.row_tokens - 1;
            self.statistics.repeated_tokens += 1;
        }
        self.statistics.fragmented_documents += u64::from(rest.length < document.length);
        if rest.length == self.row_tokens { self.write_row(&[rest]) } else { self.group(rest) }
    }

    fn group(&mut self, segment: Segment) -> Result<()> {
        self.group.push(segment);
        if self.group.len() >= self.group_documents { self.pack_group() } else { Ok(()) }
    }

    fn pack_group(&mut self) -> Result<()> {
        let Self { best_fit, group, writer, statistics, path, .. } = self;
        best_fit
            .pack(group, |row| writer.row(row, statistics))
            .map_err(|e| store::StoreError::io(*path, "write", e))?;
        group.clear();
        Ok(())
    }

    fn write_row(&mut self, row: &[Segment]) -> Result<()> {
        let written = self.writer.row(row, &mut self.statistics);
        written.map_err(|e| store::StoreError::io(self.path, "write", e).into())
    }

    /// Writes the source's last rows and returns its counts.
    fn finish_source(&mut self) -> Result<Statistics> {
        self.pack_group()?;
        let Self { concat, writer, statistics, path, .. } = self;
        concat
            .finish(|row| writer.row(row, statistics))
            .map_err(|e| store::StoreError::io(*path, "write", e))?;
        let mut statistics = std::mem::take(statistics);
        if self.strategy == Strategy::Concat {
            statistics.repeated_tokens = statistics.rows.saturating_sub(1);
        }
        self.rows_before += statistics.rows;
        Ok(statistics)
    }
}
