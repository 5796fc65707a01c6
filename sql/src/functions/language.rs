//! `language(text)` and `language(text, 'MODEL')` → struct(code, script, confidence), NULL where
//! the language is unknown; `language_paragraphs(text)` and `language_shares(text)` for texts in
//! several languages.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float32Builder, StringBuilder, StructArray, UInt64Builder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::ScalarUDF;
use text::language::{Detector, Language};

use super::classify;
use super::lists::{ListLengths, list_of};
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

/// `language_paragraphs`: a list of struct(start, end, code, script, confidence), one for each line
/// that is not blank. `start` and `end` are byte offsets.
pub(super) fn paragraphs() -> ScalarUDF {
    text_function("language_paragraphs", list_of(PARAGRAPH.clone()), |texts, _| {
        let mut lengths = ListLengths::default();
        let (mut starts, mut ends) = (UInt64Builder::new(), UInt64Builder::new());
        let (mut codes, mut scripts) = (StringBuilder::new(), StringBuilder::new());
        let mut confidences = Float32Builder::new();
        for text in texts {
            let paragraphs = text.map(text::language::paragraphs);
            lengths.push(paragraphs.as_ref().map(Vec::len));
            for paragraph in paragraphs.into_iter().flatten() {
                starts.append_value(paragraph.start as u64);
                ends.append_value(paragraph.end as u64);
                codes.append_option(paragraph.language.map(|language| language.code));
                scripts.append_option(paragraph.language.map(|language| language.script));
                confidences.append_option(paragraph.language.map(|language| language.confidence));
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(starts.finish()),
            Arc::new(ends.finish()),
            Arc::new(codes.finish()),
            Arc::new(scripts.finish()),
            Arc::new(confidences.finish()),
        ];
        lengths.finish(PARAGRAPH.clone(), columns)
    })
}

static SHARE: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new("code", DataType::Utf8, true),
        Field::new("share", DataType::Float32, true),
    ])
});

/// `language_shares`: a list of struct(code, share), the languages of a text's paragraphs with
/// their shares of the bytes, the largest first.
pub(super) fn shares() -> ScalarUDF {
    text_function("language_shares", list_of(SHARE.clone()), |texts, _| {
        let mut lengths = ListLengths::default();
        let (mut codes, mut shares) = (StringBuilder::new(), Float32Builder::new());
        for text in texts {
            let paragraphs = text.map(text::language::paragraphs);
            let found = paragraphs.as_deref().map(text::language::shares);
            lengths.push(found.as_ref().map(Vec::len));
            for share in found.into_iter().flatten() {
                // Paragraphs in no known language have an empty code.
                codes.append_option(Some(share.code).filter(|code| !code.is_empty()));
                shares.append_value(share.share);
            }
        }
        let columns: Vec<ArrayRef> = vec![Arc::new(codes.finish()), Arc::new(shares.finish())];
        lengths.finish(SHARE.clone(), columns)
    })
}
