//! A column of lists of structs, such as the spans that a function finds in each text.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

/// How many items the list of each text has, and for which texts there is a list.
#[derive(Default)]
pub(super) struct ListLengths {
    lengths: Vec<usize>,
    is_list: Vec<bool>,
}

impl ListLengths {
    /// Adds a list of so many items; `None` is NULL.
    pub(super) fn push(&mut self, length: Option<usize>) {
        self.lengths.push(length.unwrap_or(0));
        self.is_list.push(length.is_some());
    }

    /// The column, whose items are structs of `fields`; `columns` hold the items of all lists.
    pub(super) fn finish(self, fields: Fields, columns: Vec<ArrayRef>) -> ArrayRef {
        let item = item(fields.clone());
        let items = Arc::new(StructArray::new(fields, columns, None));
        let nulls = self.is_list.contains(&false).then(|| NullBuffer::from(self.is_list));
        Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(self.lengths), items, nulls))
    }
}

/// The type of such a column.
pub(super) fn list_of(fields: Fields) -> DataType {
    DataType::List(item(fields))
}

fn item(fields: Fields) -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(fields), true))
}
