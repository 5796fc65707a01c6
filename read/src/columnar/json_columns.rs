//! Columns that are kept as JSON: lists, structs, maps and bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::json::Encoder;
use arrow::json::writer::{EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::record_batch::RecordBatch;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The key of a field's metadata that marks a column of JSON texts.
const IS_JSON: &str = "gristmill.json";

/// Whether a column of [`with_json`] holds JSON texts.
pub(crate) fn is_json(field: &Field) -> bool {
    field.metadata().contains_key(IS_JSON)
}

/// Replaces the columns of types that have no text of their own by columns of JSON texts.
///
/// Bytes become a string: as text if they are UTF-8, as a UUID if the column holds these, otherwise
/// in base64. `keep` says which columns stay as they are.
///
/// # Errors
/// A column has a type that has no JSON.
pub(crate) fn with_json(
    batch: &RecordBatch,
    keep: impl Fn(&Field) -> bool,
) -> Result<RecordBatch, ArrowError> {
    let options = EncoderOptions::default().with_encoder_factory(Arc::new(BytesAsText));
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if keep(field) || !needs_json(field.data_type()) {
            fields.push(field.clone());
            columns.push(column.clone());
            continue;
        }
        let metadata = [(IS_JSON.to_owned(), String::new())].into();
        let json = Field::new(field.name(), DataType::Utf8, true).with_metadata(metadata);
        fields.push(Arc::new(json));
        columns.push(json_texts(field, column, &options)?);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn needs_json(data_type: &DataType) -> bool {
    data_type.is_nested()
        || matches!(
            data_type,
            DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
        )
}

fn json_texts(
    field: &FieldRef,
    column: &ArrayRef,
    options: &EncoderOptions,
) -> Result<ArrayRef, ArrowError> {
    let mut encoder = make_encoder(field, column, options)?;
    let mut texts = StringBuilder::new();
    let mut text = Vec::new();
    for row in 0..column.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        texts.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(texts.finish()))
}

/// Encodes bytes as strings. The library's own encoding is hexadecimal, whatever the bytes are.
#[derive(Debug)]
struct BytesAsText;

impl EncoderFactory for BytesAsText {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let is_uuid = field.extension_type_name() == Some("arrow.uuid");
        let value: Box<dyn Fn(usize) -> &'a [u8] + 'a> = match array.data_type() {
            DataType::Binary => Box::new(|row| array.as_binary::<i32>().value(row)),
            DataType::LargeBinary => Box::new(|row| array.as_binary::<i64>().value(row)),
            DataType::BinaryView => Box::new(|row| array.as_binary_view().value(row)),
            DataType::FixedSizeBinary(_) => Box::new(|row| array.as_fixed_size_binary().value(row)),
            _ => return Ok(None),
        };
        let encoder = Box::new(BytesEncoder { value, is_uuid });
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

struct BytesEncoder<'a> {
    value: Box<dyn Fn(usize) -> &'a [u8] + 'a>,
    is_uuid: bool,
}

impl Encoder for BytesEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let text = bytes_as_text((self.value)(row), self.is_uuid);
        out.extend(serde_json::Value::from(text).to_string().bytes());
    }
}

fn bytes_as_text(bytes: &[u8], is_uuid: bool) -> String {
    if let (true, Ok(uuid)) = (is_uuid, bytes.try_into()) {
        let hex = format!("{:032x}", u128::from_be_bytes(uuid));
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        return parts.join("-");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => STANDARD.encode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Int64Array, ListArray, StringArray, StructArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn nested_values_and_bytes_are_json() {
        let list =
            ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
        let number = Arc::new(Field::new("n", DataType::Int64, true));
        let object = StructArray::from(vec![(
            number,
            Arc::new(Int64Array::from(vec![Some(3), None])) as ArrayRef,
        )]);
        let bytes = BinaryArray::from_vec(vec![b"caf\xC3\xA9", b"\xFF\x00"]);
        let batch = RecordBatch::try_from_iter([
            ("list", Arc::new(list) as ArrayRef),
            ("object", Arc::new(object)),
            ("bytes", Arc::new(bytes)),
            ("flat", Arc::new(StringArray::from(vec!["a", "b"]))),
        ])
        .unwrap();
        let json = with_json(&batch, |_| false).unwrap();
        let value = |name: &str, row: usize| {
            let column = json.column_by_name(name).unwrap().as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        assert_eq!(value("list", 0).unwrap(), "[1,null]");
        assert_eq!(value("list", 1), None);
        assert_eq!(
            (value("object", 0).unwrap(), value("object", 1).unwrap()),
            ("{\"n\":3}".into(), "{}".into())
        );
        assert_eq!(
            (value("bytes", 0).unwrap(), value("bytes", 1).unwrap()),
            ("\"café\"".into(), "\"/wA=\"".into())
        );
        assert!(!is_json(json.schema().field_with_name("flat").unwrap()));
        assert!(is_json(json.schema().field_with_name("list").unwrap()));
        let kept = with_json(&batch, |field| field.name() == "bytes").unwrap();
        assert_eq!(kept.column_by_name("bytes").unwrap().data_type(), &DataType::Binary);
    }

    #[test]
    fn a_uuid_is_written_as_one() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(bytes_as_text(&bytes, true), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
