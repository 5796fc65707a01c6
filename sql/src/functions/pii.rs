//! `pii_spans(text)`, `pii_mask(text)` and `pii_replace(text, 'KEY')`. Each takes an optional last
//! constant with the kinds of personal data, such as `'email,phone'`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Builder, LargeStringBuilder, StringBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;
use text::pii::{Detector, Kind, Kinds, Options};

use super::lists::{ListLengths, list_of};
use super::text_function::{Evaluate, Texts, text_function_with};
use crate::nearest;

/// The context from which BLAKE3 derives the key of pseudonyms, so that the same key used elsewhere
/// gives other values.
const KEY_CONTEXT: &str = "gristmill 2026 pseudonyms of personal data";

/// The name in a list of kinds for IP addresses of private networks and documentation.
const PRIVATE_IP: &str = "private_ip";

/// `pii_mask`: the text with each item replaced by the mask of its kind, such as `<EMAIL>`.
pub(super) fn mask() -> ScalarUDF {
    text_function_with("pii_mask", 0..=1, DataType::LargeUtf8, |constants| {
        let detector = detector(constants.first())?;
        let evaluate: Arc<Evaluate> = Arc::new(move |texts, _| {
            let mut masked = LargeStringBuilder::new();
            for text in texts {
                masked.append_option(text.map(|text| detector.mask(text)));
            }
            Arc::new(masked.finish())
        });
        Ok(evaluate)
    })
}

/// `pii_replace`: the text with each item replaced by a pseudonym, the same for the same item and
/// key.
pub(super) fn replace() -> ScalarUDF {
    text_function_with("pii_replace", 1..=2, DataType::LargeUtf8, |constants| {
        let detector = detector(constants.get(1))?;
        let Some(key) = constants.first().filter(|key| !key.is_empty()) else {
            return plan_err!("pii_replace() takes a key, any secret text that is not empty");
        };
        let key = blake3::derive_key(KEY_CONTEXT, key.as_bytes());
        let evaluate: Arc<Evaluate> = Arc::new(move |texts, _| {
            let mut replaced = LargeStringBuilder::new();
            for text in texts {
                replaced.append_option(text.map(|text| detector.replace(text, &key)));
            }
            Arc::new(replaced.finish())
        });
        Ok(evaluate)
    })
}

/// `pii_spans`: a list of struct(start, end, kind, confidence, scheme). `start` and `end` are byte
/// offsets; `scheme` is the country's number scheme of a `national_id`.
pub(super) fn spans() -> ScalarUDF {
    text_function_with("pii_spans", 0..=1, list_of(fields()), |constants| {
        // Finding an item does not change the text, so the default here is all kinds, also URLs,
        // which the masks leave alone.
        let detector = match constants.first() {
            None => Detector::new(Options { kinds: Kinds::all(), ..Options::default() }),
            kinds => detector(kinds)?,
        };
        let evaluate: Arc<Evaluate> = Arc::new(move |texts, _| evaluate_spans(&detector, texts));
        Ok(evaluate)
    })
}

/// A detector of the kinds in a list, or of the default kinds where the list is empty.
fn detector(kinds: Option<&String>) -> Result<Detector> {
    let mut options = Options::default();
    if let Some(list) = kinds.filter(|list| !list.trim().is_empty()) {
        options.kinds = Kinds::NONE;
        for name in list.split(',').map(str::trim) {
            if name == PRIVATE_IP {
                options.public_ip_only = false;
                options.kinds = options.kinds.with(Kind::IpAddress);
                continue;
            }
            let named = Kind::named(name);
            if named.is_empty() {
                let help = known_kinds(name);
                return plan_err!("there is no kind of personal data `{name}`; {help}");
            }
            options.kinds = named.into_iter().fold(options.kinds, Kinds::with);
        }
    }
    Ok(Detector::new(options))
}

/// The kind that may have been meant, else all kinds.
fn known_kinds(name: &str) -> String {
    let of_kind = |kind: Kind| [Some(kind.as_str()), kind.scheme()];
    let mut names: Vec<&str> = Kind::all().flat_map(of_kind).flatten().collect();
    names.sort_unstable();
    names.dedup();
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known kinds: {}", names.join(", ")),
    }
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("start", DataType::UInt64, true),
        Field::new("end", DataType::UInt64, true),
        Field::new("kind", DataType::Utf8, true),
        Field::new("confidence", DataType::Float32, true),
        Field::new("scheme", DataType::Utf8, true),
    ])
}

fn evaluate_spans(detector: &Detector, texts: &mut Texts<'_>) -> ArrayRef {
    let mut lengths = ListLengths::default();
    let (mut starts, mut ends) = (UInt64Builder::new(), UInt64Builder::new());
    let (mut kinds, mut schemes) = (StringBuilder::new(), StringBuilder::new());
    let mut confidences = Float32Builder::new();
    for text in texts {
        let spans = text.map(|text| detector.spans(text));
        lengths.push(spans.as_ref().map(Vec::len));
        for span in spans.into_iter().flatten() {
            starts.append_value(span.start as u64);
            ends.append_value(span.end as u64);
            kinds.append_value(span.kind.as_str());
            confidences.append_value(span.confidence);
            schemes.append_option(span.kind.scheme());
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(starts.finish()),
        Arc::new(ends.finish()),
        Arc::new(kinds.finish()),
        Arc::new(confidences.finish()),
        Arc::new(schemes.finish()),
    ];
    lengths.finish(fields(), columns)
}
