//! `contamination(text, 'FILES')` → struct(reference, question, overlap, run_words, start, end):
//! the question of an evaluation set that the text contains, else NULL.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, Float64Builder, StringBuilder, StructArray, UInt64Builder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;
use text::contamination::{ReferenceIndex, Scratch};

use super::text_function::{Evaluate, Texts, text_function_with};
use crate::Files;
use crate::files::{Content, unpacked};

/// Fields that may hold a record's question; the first one present is used. They are those of
/// GSM8K, MMLU, ARC and others (`question`), HumanEval and MBPP (`prompt`, `text`), MATH
/// (`problem`), HellaSwag (`ctx`), PIQA (`goal`), Winogrande (`sentence`), BoolQ and SQuAD
/// (`passage`, `context`).
const QUESTION_FIELDS: [&str; 12] = [
    "question",
    "prompt",
    "problem",
    "query",
    "input",
    "instruction",
    "ctx",
    "goal",
    "sentence",
    "passage",
    "context",
    "text",
];

/// Fields that may hold a record's name; the first one present is used.
const ID_FIELDS: [&str; 5] = ["id", "task_id", "question_id", "qid", "idx"];

/// The name of a file, the name of a question in it, and the question.
type Question = (String, String, String);

pub(super) fn function(files: Files) -> ScalarUDF {
    let built: Mutex<BTreeMap<String, Arc<ReferenceIndex>>> = Mutex::default();
    text_function_with("contamination", 1..=1, DataType::Struct(fields()), move |constants| {
        let [names] = constants else {
            return plan_err!("contamination() takes a text and the names of files");
        };
        let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match built.get(names) {
            Some(index) => index.clone(),
            None => built.entry(names.clone()).or_insert(Arc::new(read(&files, names)?)).clone(),
        };
        let evaluate: Arc<Evaluate> = Arc::new(move |texts, _| evaluate(texts, &index));
        Ok(evaluate)
    })
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("reference", DataType::Utf8, true),
        Field::new("question", DataType::Utf8, true),
        Field::new("overlap", DataType::Float64, true),
        Field::new("run_words", DataType::UInt64, true),
        Field::new("start", DataType::UInt64, true),
        Field::new("end", DataType::UInt64, true),
    ])
}

fn evaluate(texts: &mut Texts<'_>, index: &ReferenceIndex) -> ArrayRef {
    let mut scratch = Scratch::default();
    let (mut references, mut questions) = (StringBuilder::new(), StringBuilder::new());
    let mut overlaps = Float64Builder::new();
    let mut numbers: [UInt64Builder; 3] = Default::default();
    let mut valid = Vec::new();
    for text in texts {
        let found = text.and_then(|text| index.matches(text, &mut scratch));
        references.append_option(found.as_ref().map(|m| m.reference));
        questions.append_option(found.as_ref().map(|m| m.id));
        overlaps.append_option(found.as_ref().map(|m| m.overlap));
        numbers[0].append_option(found.as_ref().map(|m| u64::from(m.run_words)));
        numbers[1].append_option(found.as_ref().map(|m| m.span.start as u64));
        numbers[2].append_option(found.as_ref().map(|m| m.span.end as u64));
        valid.push(found.is_some());
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(references.finish()),
        Arc::new(questions.finish()),
        Arc::new(overlaps.finish()),
    ];
    columns.extend(numbers.map(|mut n| Arc::new(n.finish()) as ArrayRef));
    Arc::new(StructArray::new(fields(), columns, Some(NullBuffer::from(valid))))
}

/// The index of the questions of files or folders, whose names are separated by commas.
fn read(files: &Files, names: &str) -> Result<ReferenceIndex> {
    let mut questions: Vec<Question> = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let found = files.get("evaluation set", name, records)?;
        questions.extend(found.iter().cloned());
    }
    if questions.is_empty() {
        return plan_err!(
            "contamination() has no questions: name a JSONL file of an evaluation set, or a folder \
             of them, as in contamination(text, 'gsm8k-test.jsonl')"
        );
    }
    Ok(ReferenceIndex::from_records(questions.iter().map(|(n, i, q)| (n, i, q))))
}

/// The questions of JSONL files.
fn records(content: &mut Content) -> std::result::Result<Vec<Question>, String> {
    let mut questions = Vec::new();
    content.each(|name, bytes| {
        for (number, line) in unpacked(name, bytes)?.lines().enumerate() {
            let place = |error: String| format!("{name}, line {}: {error}", number + 1);
            let line = line.map_err(|error| place(error.to_string()))?;
            if line.trim().is_empty() {
                continue;
            }
            let record: Value =
                serde_json::from_str(&line).map_err(|error| place(error.to_string()))?;
            let Some(question) = QUESTION_FIELDS.iter().find_map(|f| record.get(f)?.as_str())
            else {
                let message = format!("no field among {} is a text", QUESTION_FIELDS.join(", "));
                return Err(place(message));
            };
            let id = ID_FIELDS.iter().find_map(|field| match record.get(field)? {
                Value::String(id) => Some(id.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            });
            let id = id.unwrap_or_else(|| format!("line {}", number + 1));
            questions.push((name.to_owned(), id, question.to_owned()));
        }
        Ok(())
    })?;
    Ok(questions)
}
