//! Conformance: words, sentences and filter decisions equal those of datatrove 0.10 for known
//! texts.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "this file contains only tests")]

#[path = "../examples/filters/stage.rs"]
mod stage;

use serde_json::{Map, Value, json};
use stage::Stage;
use text::c4::{Rules, clean};
use text::sentences::sentences;
use text::signals::{FIELDS, measure};
use text::words::Segmenter;

/// The file of golden vectors, or `None` if the environment does not name its folder.
#[expect(clippy::disallowed_methods, reason = "the environment names the folder of test data")]
fn golden() -> Option<Value> {
    let Ok(folder) = std::env::var("GRISTMILL_DATA") else {
        println!("skipped: GRISTMILL_DATA is not set");
        return None;
    };
    let file = std::fs::read(format!("{folder}/golden/datatrove_0.10_golden.json")).unwrap();
    Some(serde_json::from_slice(&file).unwrap())
}

fn entries(golden: &Value, name: &str) -> Map<String, Value> {
    golden[name].as_object().unwrap().clone()
}

#[test]
fn words_and_sentences_are_those_of_datatrove() {
    let Some(golden) = golden() else { return };
    for (name, entry) in entries(&golden, "texts") {
        let text = entry["text"].as_str().unwrap();
        assert_eq!(json!(Segmenter::SpacyEn.segment(text)), entry["words"], "words of {name}");
        assert_eq!(json!(sentences(text)), entry["sentences"], "sentences of {name}");
        let simplified = entry["simplified"].as_str().unwrap();
        let words = json!(Segmenter::SpacyEn.segment(simplified));
        assert_eq!(words, entry["simplified_words"], "words of simplified {name}");
    }
}

#[test]
fn verdicts_are_those_of_datatrove() {
    let Some(golden) = golden() else { return };
    let stages = [
        ("gopher_quality", Stage::parse(include_str!("../../sql/stages/gopher.sql"))),
        ("gopher_repetition", Stage::parse(include_str!("../../sql/stages/gopher_repetition.sql"))),
        ("fineweb", Stage::parse(include_str!("../../sql/stages/fineweb.sql"))),
    ];
    for (name, entry) in entries(&golden, "filters") {
        let text = entry["text"].as_str().unwrap();
        let values = measure(text, Segmenter::SpacyEn).values();
        let field = |name: &str| {
            let at = FIELDS.iter().position(|field| field.name == name).unwrap();
            values[at].as_f64()
        };
        for (filter, stage) in &stages {
            let reason = stage.reason(&field);
            assert_eq!(json!([reason.is_none(), reason]), entry[filter], "{filter} of {name}");
        }
        for (filter, filter_no_terminal_punct) in [("c4", true), ("c4_nopunct", false)] {
            let cleaned = clean(text, &Rules { filter_no_terminal_punct, ..Rules::default() });
            let verdict = json!([cleaned.drop_reason.is_none(), cleaned.drop_reason]);
            assert_eq!(verdict, entry[filter], "{filter} of {name}");
            assert_eq!(cleaned.text, entry[format!("{filter}_text")], "{filter} of {name}");
        }
    }
}
