//! Documents whose texts a stage has rewritten.

use arrow::array::LargeStringArray;
use arrow::compute::cast;
use arrow::record_batch::RecordBatch;
use sql::columns::texts;
use sql::{Documents, Dropped, TEXT};

use crate::decision::Verdict;
use crate::error::Result;

impl Verdict {
    /// Gives documents their new texts. Documents whose new text is blank are dropped; their old
    /// text goes to the table of dropped documents.
    ///
    /// # Errors
    /// A column is missing or has an unexpected type.
    pub(super) fn with_texts(
        &self,
        documents: Documents,
        rewritten: Vec<String>,
    ) -> Result<(Documents, Option<Dropped>)> {
        let is_blank = |text: &str| text.trim().is_empty();
        // A text that was already blank has lost nothing in this stage, so it stays.
        let before = texts(&documents.batch)?;
        let emptied = before.iter().zip(&rewritten);
        let goes: Vec<bool> =
            emptied.map(|(before, now)| is_blank(now) && !is_blank(before.unwrap_or(""))).collect();
        let stay = rewritten.into_iter().zip(&goes).filter(|(_, goes)| !**goes);
        let stay: LargeStringArray = stay.map(|(text, _)| Some(text)).collect();
        let (mut kept, left) = self.split(documents, &goes)?;
        let schema = kept.batch.schema();
        let mut columns = kept.batch.columns().to_vec();
        if let Some((index, field)) = schema.column_with_name(TEXT) {
            columns[index] = cast(&stay, field.data_type())?;
        }
        kept.batch = RecordBatch::try_new(schema, columns)?;
        Ok((kept, left))
    }
}
