//! `gristmill tokenizer decode`, `show` and `export`: commands over a tokenizer's file.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use encoder::AnyTokenizer;
use serde_json::json;
use tokenizer::Oddity;

use crate::arguments::{DecodeArguments, ExportArguments, TokenizerShowArguments};
use crate::failure::Failure;
use crate::output::{columns, human_count};
use crate::printer::Printer;

/// Maximum number of characters of a token shown in a list.
const PIECE_CHARACTERS_MAX: usize = 24;

/// Loads a tokenizer in any supported format.
pub(crate) fn load(path: &Path) -> Result<AnyTokenizer, Failure> {
    Ok(AnyTokenizer::load(path)?)
}

/// Prints the bytes that the ids stand for, unchanged.
pub(crate) fn decode(arguments: &DecodeArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let tokenizer = load(&arguments.tokenizer)?;
    let mut given = arguments.ids.join(" ");
    if arguments.ids.is_empty() {
        std::io::stdin().read_to_string(&mut given).map_err(|e| {
            Failure::usage(e.to_string(), "give the ids as arguments, or as text on standard input")
        })?;
    }
    let words = given.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty());
    let mut ids = Vec::new();
    for word in words {
        let id = word.parse().ok().filter(|id| tokenizer.token_bytes(*id).is_some());
        let size = human_count(tokenizer.vocab_size() as u64);
        ids.push(id.ok_or_else(|| {
            let help = format!("the vocabulary has {size} tokens");
            Failure::usage(format!("`{word}` is not a token id"), help)
        })?);
    }
    let bytes = tokenizer.decode(&ids)?;
    if printer.json() {
        let text = String::from_utf8_lossy(&bytes);
        printer.object("decoded", &json!({ "ids": ids, "text": text }));
    } else {
        printer.bytes(&bytes);
    }
    Ok(ExitCode::SUCCESS)
}

/// Describes a tokenizer, or shows how it splits a text.
pub(crate) fn show(
    arguments: &TokenizerShowArguments,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let tokenizer = load(&arguments.tokenizer)?;
    match &arguments.text {
        Some(text) => show_text(&tokenizer, text, printer)?,
        None => show_vocabulary(&tokenizer, arguments.n, printer),
    }
    Ok(ExitCode::SUCCESS)
}

fn show_text(tokenizer: &AnyTokenizer, text: &str, printer: Printer) -> Result<(), Failure> {
    let mut ids = Vec::new();
    match tokenizer.as_own() {
        Some(own) => own.encode_with_specials(text, &mut ids),
        None => tokenizer.encoder().encode(text, &mut ids)?,
    }
    let pieces: Vec<String> = ids.iter().map(|id| piece(tokenizer, *id)).collect();
    if printer.json() {
        printer.object("tokens", &json!({ "ids": ids, "pieces": pieces }));
        return Ok(());
    }
    let rows: Vec<Vec<String>> =
        ids.iter().zip(&pieces).map(|(id, piece)| vec![id.to_string(), piece.clone()]).collect();
    columns(&rows).iter().for_each(|line| printer.data(line));
    let bytes = text.len() as f64 / ids.len().max(1) as f64;
    printer.say(format!("{} tokens, {bytes:.2} bytes per token", human_count(ids.len() as u64)));
    Ok(())
}

fn show_vocabulary(tokenizer: &AnyTokenizer, n: usize, printer: Printer) {
    let size = tokenizer.vocab_size() as u32;
    let mut longest: Vec<u32> =
        (0..size).filter(|id| tokenizer.token_bytes(*id).is_some()).collect();
    longest.sort_by_key(|id| {
        (std::cmp::Reverse(tokenizer.token_bytes(*id).map_or(0, |bytes| bytes.len())), *id)
    });
    longest.truncate(n);
    let mut odd: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (id, oddity) in tokenizer.as_own().map(|own| own.odd_tokens()).unwrap_or_default() {
        odd.entry(name(oddity)).or_default().push(id);
    }
    let specials = tokenizer.special_tokens();
    let split = tokenizer.as_own().map(|own| own.split().to_string());
    if printer.json() {
        let counts: BTreeMap<&str, usize> = odd.iter().map(|(k, ids)| (*k, ids.len())).collect();
        let object = json!({
            "vocab_size": size,
            "kind": tokenizer.kind(),
            "split": split,
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
    row("kind", tokenizer.kind().to_owned());
    split.into_iter().for_each(|split| row("split", split));
    row("special", specials.join("  "));
    row("longest", pieces(&longest));
    for (name, ids) in &odd {
        row(name, format!("{}: {}", human_count(ids.len() as u64), pieces(ids)));
    }
}

pub(crate) fn name(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::PartialCharacters => "parts of characters",
        Oddity::Control => "with a control character",
        Oddity::Repeated => "one character repeated",
        Oddity::Long => "more than 32 bytes",
    }
}

/// A token in quotes, with invisible characters and invalid UTF-8 escaped.
fn piece(tokenizer: &AnyTokenizer, id: u32) -> String {
    let Some(bytes) = tokenizer.token_bytes(id) else { return "?".into() };
    match std::str::from_utf8(&bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

/// Writes a tokenizer in the format that the output's name selects.
pub(crate) fn export(arguments: &ExportArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let tokenizer = load(&arguments.tokenizer)?;
    for (name, bytes) in tokenizer.files(&arguments.output)? {
        let path = arguments.output.with_file_name(name);
        store::write_file(&path, &bytes)?;
        printer.say(format!("  → {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}
