//! `pii_spans(text)`, `pii_mask(text)` and `pii_replace(text, 'KEY')`, each with the kinds that are
//! meant as a last constant, such as `'email,phone'`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Builder, LargeStringBuilder, ListBuilder, StringBuilder, StructBuilder,
    UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;
use text::pii::{Detector, Kind, Kinds, Options, Span};

use super::text_function::{Evaluate, Texts, text_function_with};
use crate::nearest;

/// What the key of pseudonyms is derived for, so that no other use of the key gives the same.
const KEY_CONTEXT: &str = "gristmill 2026 pseudonyms of personal data";

/// The name in a list of kinds that asks for addresses of private networks and documentation too.
const PRIVATE_IP: &str = "private_ip";

/// The text with each piece replaced by the mask of its kind, such as `<EMAIL>`.
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

/// The text with each piece replaced by a pseudonym, the same for the same piece and key.
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

/// A list of struct(start, end, kind, confidence, scheme); `start` and `end` are byte offsets, `scheme`
/// says of which country a `national_id` is.
pub(super) fn spans() -> ScalarUDF {
    let item = Field::new("item", DataType::Struct(fields()), true);
    text_function_with("pii_spans", 0..=1, DataType::List(Arc::new(item)), |constants| {
        // Looking loses nothing, so that all kinds are found where none is named: URLs too, which the
        // masks leave alone.
        let detector = match constants.first() {
            None => Detector::new(Options { kinds: Kinds::all(), ..Options::default() }),
            kinds => detector(kinds)?,
        };
        let evaluate: Arc<Evaluate> =
            Arc::new(move |texts, rows| evaluate_spans(&detector, texts, rows));
        Ok(evaluate)
    })
}

/// A detector of the kinds that a list names; of the default ones where it is empty.
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

/// The kind that may have been meant, or all of them.
fn known_kinds(name: &str) -> String {
    let of_kind = |kind: Kind| [Some(kind.as_str()), kind.scheme()];
    let mut names: Vec<&str> = Kind::all().flat_map(of_kind).flatten().collect();
    names.sort_unstable();
    names.dedup();
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is {}", names.join(", ")),
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

fn evaluate_spans(detector: &Detector, texts: &mut Texts<'_>, rows: usize) -> ArrayRef {
    let mut list = ListBuilder::new(StructBuilder::from_fields(fields(), rows));
    for text in texts {
        for span in text.map(|text| detector.spans(text)).unwrap_or_default() {
            append(list.values(), &span);
        }
        list.append(text.is_some());
    }
    Arc::new(list.finish())
}

fn append(row: &mut StructBuilder, span: &Span) {
    for (column, place) in [span.start, span.end].into_iter().enumerate() {
        if let Some(builder) = row.field_builder::<UInt64Builder>(column) {
            builder.append_value(place as u64);
        }
    }
    if let Some(confidence) = row.field_builder::<Float32Builder>(3) {
        confidence.append_value(span.confidence);
    }
    for (column, name) in [(2, Some(span.kind.as_str())), (4, span.kind.scheme())] {
        if let Some(builder) = row.field_builder::<StringBuilder>(column) {
            builder.append_option(name);
        }
    }
    row.append(true);
}
