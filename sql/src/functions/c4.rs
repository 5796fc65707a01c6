//! C4's rules: `c4_clean(text, …)`, `c4_paragraph_reason(text)` and `c4_bad_words(text, 'WORDS',
//! 'LANGUAGE')`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, LargeStringBuilder, StringBuilder, StructArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::logical_expr::ScalarUDF;
use text::c4::{BadWords, Cleaned, Rules, clean, paragraph_reason};

use super::text_function::{Evaluate, Texts, text_function, text_function_with};
use crate::Files;

/// The counters of lines in the result of `c4_clean`.
const COUNTERS: [&str; 7] = [
    "lines",
    "lines_kept",
    "lines_too_long_word",
    "lines_no_terminal_punct",
    "lines_too_few_words",
    "lines_javascript",
    "lines_policy",
];

/// `c4_clean(text, filter_no_terminal_punct, min_num_sentences, min_words_per_line,
/// max_word_length)`. The defaults of trailing arguments are datatrove's.
pub(super) fn function() -> ScalarUDF {
    text_function_with("c4_clean", 0..=4, DataType::Struct(fields()), |constants| {
        let mut rules = Rules::default();
        if let Some(flag) = constants.first() {
            rules.filter_no_terminal_punct = parsed(flag, "true or false")?;
        }
        let numbers = [
            &mut rules.min_num_sentences,
            &mut rules.min_words_per_line,
            &mut rules.max_word_length,
        ];
        for (number, constant) in numbers.into_iter().zip(constants.iter().skip(1)) {
            *number = parsed(constant, "a whole number")?;
        }
        let evaluate: Arc<Evaluate> = Arc::new(move |texts, _| evaluate(&rules, texts));
        Ok(evaluate)
    })
}

fn parsed<T: std::str::FromStr>(constant: &str, expected: &str) -> Result<T> {
    constant
        .parse()
        .map_err(|_| plan_datafusion_err!("c4_clean() takes {expected}, found `{constant}`"))
}

fn fields() -> Fields {
    let text = Field::new("text", DataType::LargeUtf8, true);
    let reason = Field::new("drop_reason", DataType::Utf8, true);
    let counters = COUNTERS.iter().map(|name| Field::new(*name, DataType::UInt64, true));
    [text, reason].into_iter().chain(counters).collect()
}

fn counters(cleaned: &Cleaned) -> [u64; COUNTERS.len()] {
    [
        cleaned.lines,
        cleaned.lines_kept,
        cleaned.lines_too_long_word,
        cleaned.lines_no_terminal_punct,
        cleaned.lines_too_few_words,
        cleaned.lines_javascript,
        cleaned.lines_policy,
    ]
}

fn evaluate(rules: &Rules, texts: &mut Texts<'_>) -> ArrayRef {
    let (mut cleaned_texts, mut reasons) = (LargeStringBuilder::new(), StringBuilder::new());
    let mut counted: [Vec<u64>; COUNTERS.len()] = Default::default();
    let mut valid = Vec::new();
    for text in texts {
        let cleaned = text.map(|text| clean(text, rules));
        reasons.append_option(cleaned.as_ref().and_then(|cleaned| cleaned.drop_reason));
        // The row of a NULL is masked, so its counts are never seen.
        let counts = cleaned.as_ref().map_or([0; COUNTERS.len()], counters);
        counted.iter_mut().zip(counts).for_each(|(column, count)| column.push(count));
        cleaned_texts.append_option(cleaned.as_ref().map(|cleaned| cleaned.text.as_str()));
        valid.push(text.is_some());
    }
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(cleaned_texts.finish()), Arc::new(reasons.finish())];
    columns.extend(counted.map(|column| Arc::new(UInt64Array::from(column)) as ArrayRef));
    Arc::new(StructArray::new(fields(), columns, Some(NullBuffer::from(valid))))
}

/// `c4_paragraph_reason(text)`: why datatrove's `C4ParagraphFilter` drops a text, else NULL.
pub(super) fn paragraph() -> ScalarUDF {
    text_function("c4_paragraph_reason", DataType::Utf8, |texts, _| {
        let mut reasons = StringBuilder::new();
        for text in texts {
            reasons.append_option(text.and_then(paragraph_reason));
        }
        Arc::new(reasons.finish())
    })
}

/// `c4_bad_words(text, 'WORDS', 'LANGUAGE')`: whether a text has one of the words of a file, which
/// has one word per line. The language decides how C4 compares.
pub(super) fn bad_words(files: Files) -> ScalarUDF {
    text_function_with("c4_bad_words", 2..=2, DataType::Boolean, move |constants| {
        let [name, language] = constants else {
            return Err(plan_datafusion_err!("c4_bad_words() takes a text, a file and a language"));
        };
        let words = files.get(&format!("word list for {language}"), name, |content| {
            let bytes = content.single()?;
            let lines = String::from_utf8_lossy(&bytes);
            BadWords::new(lines.lines(), language).map_err(|error| error.to_string())
        })?;
        let evaluate: Arc<Evaluate> = Arc::new(move |texts, rows| {
            let mut found = BooleanBuilder::with_capacity(rows);
            for text in texts {
                found.append_option(text.map(|text| words.are_in(text)));
            }
            Arc::new(found.finish())
        });
        Ok(evaluate)
    })
}
