//! Precision and recall of `pii::spans` against labelled sentences.
//!
//! `cargo run --release -p gristmill-text --example pii_accuracy -- SPANS.jsonl [KIND]`: each line
//! has `text` and `spans` with `start` and `end` in code points and `type`. With a kind, such as
//! `phone`, what was missed (`-`) and wrongly found (`+`) of it is printed too.

use std::collections::BTreeMap;
use std::error::Error;

use text::pii::{Kind, spans};

/// Found and right, found and wrong, missed.
type Tally = [usize; 3];

#[expect(clippy::print_stdout, reason = "the result of a measuring program")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("the first argument is a file of labelled sentences")?;
    let shown = arguments.next();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let lines = std::fs::read_to_string(file)?;
    for line in lines.lines() {
        let row: serde_json::Value = serde_json::from_str(line)?;
        let text = row["text"].as_str().unwrap_or_default();
        let gold = gold_spans(text, &row);
        let found: Vec<(usize, usize, &str)> =
            spans(text).iter().map(|span| (span.start, span.end, span.kind.as_str())).collect();
        let overlaps = |a: &(usize, usize, &str), b: &(usize, usize, &str)| {
            a.2 == b.2 && a.0 < b.1 && b.0 < a.1
        };
        for span in &found {
            let is_right = gold.iter().any(|gold| overlaps(gold, span));
            tallies.entry(span.2).or_default()[usize::from(!is_right)] += 1;
            if !is_right && shown.as_deref() == Some(span.2) {
                println!("+ {:?} in {text:?}", &text[span.0..span.1]);
            }
        }
        for span in gold.iter().filter(|gold| !found.iter().any(|span| overlaps(gold, span))) {
            tallies.entry(span.2).or_default()[2] += 1;
            if shown.as_deref() == Some(span.2) {
                println!("- {:?} in {text:?}", &text[span.0..span.1]);
            }
        }
    }
    for (kind, [right, wrong, missed]) in tallies {
        let share = |whole: usize| right as f64 / whole.max(1) as f64;
        let (precision, recall) = (share(right + wrong), share(right + missed));
        println!(
            "{kind:6} precision {precision:.3} recall {recall:.3} (+{wrong} -{missed} of {})",
            right + missed
        );
    }
    Ok(())
}

/// The labelled spans of our kinds, in bytes.
fn gold_spans(text: &str, row: &serde_json::Value) -> Vec<(usize, usize, &'static str)> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).collect();
    offsets.push(text.len());
    let spans = row["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let offset = |value: &serde_json::Value| Some(*offsets.get(value.as_u64()? as usize)?);
    spans
        .iter()
        .filter_map(|span| {
            let kind = match span["type"].as_str()? {
                "EMAIL_ADDRESS" => Kind::Email,
                "IP_ADDRESS" => Kind::IpAddress,
                "PHONE" | "PHONE_NUMBER" | "PH_MOBILE_NUMBER" | "TR_PHONE_NUMBER" => Kind::Phone,
                "CREDIT_CARD" => Kind::CreditCard,
                "IBAN_CODE" => Kind::Iban,
                _ => return None,
            };
            Some((offset(&span["start"])?, offset(&span["end"])?, kind.as_str()))
        })
        .collect()
}
