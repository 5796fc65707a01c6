//! `gristmill tokenizer decode`, `show` and `export`: what is in a tokenizer's file.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::ExitCode;

use serde_json::json;
use tokenizer::{Oddity, Tokenizer};

use crate::arguments::{DecodeArguments, ExportArguments, TokenizerShowArguments};
use crate::failure::Failure;
use crate::output::{columns, human_count};
use crate::printer::Printer;

/// Characters of a token that are shown in a list.
const PIECE_CHARACTERS_MAX: usize = 24;

/// Prints the bytes of ids as they are.
pub(crate) fn decode(arguments: &DecodeArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let tokenizer = pipeline::tokens::load(&arguments.tokenizer)?;
    let mut given = arguments.ids.join(" ");
    if arguments.ids.is_empty() {
        std::io::stdin()
            .read_to_string(&mut given)
            .map_err(|e| Failure::usage(e.to_string(), "give ids as arguments or as text"))?;
    }
    let words = given.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty());
    let mut ids = Vec::new();
    for word in words {
        let id = word.parse().ok().filter(|id| tokenizer.token_bytes(*id).is_some());
        let size = human_count(tokenizer.vocab_size() as u64);
        ids.push(id.ok_or_else(|| {
            let help = format!("the vocabulary has {size} tokens");
            Failure::usage(format!("`{word}` is no id of a token"), help)
        })?);
    }
    if printer.json() {
        let text = tokenizer.decode_lossy(&ids);
        printer.object("decoded", &json!({ "ids": ids, "text": text }));
    } else {
        printer.bytes(&tokenizer.decode(&ids));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what a tokenizer is made of, or what it makes of a text.
pub(crate) fn show(
    arguments: &TokenizerShowArguments,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let tokenizer = pipeline::tokens::load(&arguments.tokenizer)?;
    match &arguments.text {
        Some(text) => show_text(&tokenizer, text, printer),
        None => show_vocabulary(&tokenizer, arguments.n, printer),
    }
    Ok(ExitCode::SUCCESS)
}

fn show_text(tokenizer: &Tokenizer, text: &str, printer: Printer) {
    let mut ids = Vec::new();
    tokenizer.encode_with_specials(text, &mut ids);
    let pieces: Vec<String> = ids.iter().map(|id| piece(tokenizer, *id)).collect();
    if printer.json() {
        printer.object("tokens", &json!({ "ids": ids, "pieces": pieces }));
        return;
    }
    let rows: Vec<Vec<String>> =
        ids.iter().zip(&pieces).map(|(id, piece)| vec![id.to_string(), piece.clone()]).collect();
    columns(&rows).iter().for_each(|line| printer.data(line));
    let bytes = text.len() as f64 / ids.len().max(1) as f64;
    printer.say(format!("{} tokens, {bytes:.2} bytes a token", human_count(ids.len() as u64)));
}

fn show_vocabulary(tokenizer: &Tokenizer, n: usize, printer: Printer) {
    let size = tokenizer.vocab_size() as u32;
    let mut longest: Vec<u32> =
        (0..size).filter(|id| tokenizer.token_bytes(*id).is_some()).collect();
    longest.sort_by_key(|id| {
        (std::cmp::Reverse(tokenizer.token_bytes(*id).map_or(0, <[u8]>::len)), *id)
    });
    longest.truncate(n);
    let mut odd: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (id, oddity) in tokenizer.odd_tokens() {
        odd.entry(name(oddity)).or_default().push(id);
    }
    let specials: Vec<(&str, u32)> = tokenizer.special_tokens().collect();
    if printer.json() {
        let counts: BTreeMap<&str, usize> = odd.iter().map(|(k, ids)| (*k, ids.len())).collect();
        let object = json!({
            "vocab_size": size,
            "split": tokenizer.split().to_string(),
            "special_tokens": specials,
            "longest": longest,
            "odd": counts,
        });
        printer.object("vocabulary", &object);
        return;
    }
    let pieces = |ids: &[u32]| -> String {
        let short = |id: &u32| piece(tokenizer, *id).chars().take(PIECE_CHARACTERS_MAX).collect();
        let shown: Vec<String> = ids.iter().take(n).map(short).collect();
        shown.join("  ")
    };
    let specials: Vec<String> = specials.iter().map(|(text, id)| format!("{text} {id}")).collect();
    let row = |name: &str, value: String| printer.data(format!("{name:<28} {value}"));
    row("tokens", human_count(u64::from(size)));
    row("split", tokenizer.split().to_string());
    row("special", specials.join("  "));
    row("longest", pieces(&longest));
    for (name, ids) in &odd {
        row(name, format!("{}: {}", human_count(ids.len() as u64), pieces(ids)));
    }
}

fn name(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::PartialCharacters => "parts of characters",
        Oddity::Control => "with a control character",
        Oddity::Repeated => "one character over and over",
        Oddity::Long => "more than 32 bytes",
    }
}

/// A token in quotes, with escapes for what cannot be seen.
fn piece(tokenizer: &Tokenizer, id: u32) -> String {
    match tokenizer.token_bytes(id).map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        Some((Ok(text), _)) => format!("{text:?}"),
        Some((Err(_), bytes)) => format!("\"{}\"", bytes.escape_ascii()),
        None => "?".into(),
    }
}

/// Writes a tokenizer in the form that the output's name tells.
pub(crate) fn export(arguments: &ExportArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let tokenizer = pipeline::tokens::load(&arguments.tokenizer)?;
    for (name, bytes) in pipeline::tokens::files(&tokenizer, &arguments.output)? {
        let path = arguments.output.with_file_name(name);
        store::write_file(&path, &bytes)?;
        printer.say(format!("  → {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}
