//! `language(text)` and `language(text, 'MODEL')` → struct(code, script, confidence), NULL where no
//! language can be told; `language_paragraphs(text)` and `language_shares(text)` for texts in several.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Float32Builder, ListBuilder, StringBuilder, StructArray, StructBuilder, UInt64Builder,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::ScalarUDF;
use text::language::{Detector, Language, Paragraph, Share};

use super::classify;
use super::text_function::{Evaluate, Texts, text_function, text_function_with};
use crate::Files;

pub(super) fn function(files: Files) -> ScalarUDF {
    text_function_with("language", 0..=1, DataType::Struct(fields()), move |constants| {
        let evaluate: Arc<Evaluate> = match constants.first().filter(|name| !name.is_empty()) {
            None => Arc::new(|texts, rows| evaluate(&text::language::detect, texts, rows)),
            Some(name) => {
                let detector = Detector::with_model(classify::model(&files, name)?);
                Arc::new(move |texts, rows| evaluate(&|text| detector.detect(text), texts, rows))
            }
        };
        Ok(evaluate)
    })
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("code", DataType::Utf8, true),
        Field::new("script", DataType::Utf8, true),
        Field::new("confidence", DataType::Float32, true),
    ])
}

fn evaluate<'d>(
    detect: &dyn Fn(&str) -> Option<Language<'d>>,
    texts: &mut Texts<'_>,
    rows: usize,
) -> ArrayRef {
    let (mut codes, mut scripts) = (StringBuilder::new(), StringBuilder::new());
    let mut confidences = Float32Builder::with_capacity(rows);
    let mut valid = Vec::with_capacity(rows);
    for text in texts {
        let language = text.and_then(detect);
        codes.append_option(language.as_ref().map(|l| l.code));
        scripts.append_option(language.as_ref().map(|l| l.script));
        confidences.append_option(language.as_ref().map(|l| l.confidence));
        valid.push(language.is_some());
    }
    let columns: Vec<ArrayRef> =
        vec![Arc::new(codes.finish()), Arc::new(scripts.finish()), Arc::new(confidences.finish())];
    Arc::new(StructArray::new(fields(), columns, Some(NullBuffer::from(valid))))
}

static PARAGRAPH: LazyLock<Fields> = LazyLock::new(|| {
    let places = ["start", "end"].map(|name| Field::new(name, DataType::UInt64, true));
    places.into_iter().map(Arc::new).chain(fields().iter().cloned()).collect()
});

static SHARE: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new("code", DataType::Utf8, true),
        Field::new("share", DataType::Float32, true),
    ])
});

/// A list of struct(start, end, code, script, confidence), one a line that is not blank; `start` and
/// `end` are byte offsets.
pub(super) fn paragraphs() -> ScalarUDF {
    lists("language_paragraphs", &PARAGRAPH, |row, text| {
        text::language::paragraphs(text).iter().for_each(|paragraph| add_paragraph(row, paragraph));
    })
}

/// A list of struct(code, share): the languages of a text's paragraphs, each with its share of their
/// bytes, the largest first.
pub(super) fn shares() -> ScalarUDF {
    lists("language_shares", &SHARE, |row, text| {
        let paragraphs = text::language::paragraphs(text);
        text::language::shares(&paragraphs).iter().for_each(|share| add_share(row, share));
    })
}

fn lists(
    name: &'static str,
    fields: &'static Fields,
    add: impl Fn(&mut StructBuilder, &str) + Send + Sync + 'static,
) -> ScalarUDF {
    let item = Field::new("item", DataType::Struct(fields.clone()), true);
    text_function(name, DataType::List(Arc::new(item)), move |texts, rows| {
        let mut list = ListBuilder::new(StructBuilder::from_fields(fields.clone(), rows));
        for text in texts {
            if let Some(text) = text {
                add(list.values(), text);
            }
            list.append(text.is_some());
        }
        Arc::new(list.finish())
    })
}

fn add_paragraph(row: &mut StructBuilder, paragraph: &Paragraph<'_>) {
    let language = paragraph.language;
    for (column, place) in [paragraph.start, paragraph.end].into_iter().enumerate() {
        if let Some(builder) = row.field_builder::<UInt64Builder>(column) {
            builder.append_value(place as u64);
        }
    }
    let texts = [language.map(|l| l.code), language.map(|l| l.script)];
    for (column, text) in texts.into_iter().enumerate() {
        if let Some(builder) = row.field_builder::<StringBuilder>(2 + column) {
            builder.append_option(text);
        }
    }
    if let Some(builder) = row.field_builder::<Float32Builder>(4) {
        builder.append_option(language.map(|l| l.confidence));
    }
    row.append(true);
}

fn add_share(row: &mut StructBuilder, share: &Share<'_>) {
    if let Some(code) = row.field_builder::<StringBuilder>(0) {
        code.append_option(Some(share.code).filter(|code| !code.is_empty()));
    }
    if let Some(builder) = row.field_builder::<Float32Builder>(1) {
        builder.append_value(share.share);
    }
    row.append(true);
}
