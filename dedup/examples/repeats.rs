//! Finds repeated passages in a corpus and measures the cost:
//! `repeats DOCUMENTS.jsonl [option=value …]`.
//!
//! The options and their defaults are `min_tokens=50`, `part_bytes=8388608`,
//! `memory_bytes=1073741824`, `kept=first` (or `none`), `what=substrings` (or `lines`,
//! `paragraphs`, `sentences`) and `show=0` (the number of passages to print). Each line of the file
//! is an object with a `text`. Prints documents, rows, spans and seconds of every pass. The sorts
//! use `RAYON_NUM_THREADS` threads; the passes over the texts use one.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use dedup::lines::{Action, KeySorter, LineOptions, Lines, RepeatedOptions, Unit};
use dedup::substrings::{AnchorSorter, Kept, Scratchpad, Substrings, WindowSorter, remove_spans};
use store::Scratch;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The options of the command line.
struct Settings {
    min_tokens: u32,
    part_bytes: usize,
    memory_bytes: u64,
    kept: Kept,
    what: String,
    show: usize,
}

/// The texts, with the part of each.
type Documents = Vec<(u32, String)>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, options @ ..] = arguments.as_slice() else {
        return Err("usage: repeats DOCUMENTS.jsonl [option=value …]".into());
    };
    let settings = settings(options)?;
    let documents = read(path, settings.part_bytes)?;
    let bytes: usize = documents.iter().map(|(_, text)| text.len()).sum();
    let out = &mut std::io::stdout().lock();
    writeln!(out, "{} documents, {bytes} bytes", documents.len())?;
    let folder = tempfile::tempdir()?;
    let scratch = Scratch::create(folder.path().join("scratch"))?;
    match settings.what.as_str() {
        "substrings" => substrings(&documents, &settings, &scratch, out),
        "lines" => lines(&documents, Unit::Line, &settings, &scratch, out),
        "paragraphs" => lines(&documents, Unit::Paragraph, &settings, &scratch, out),
        "sentences" => lines(&documents, Unit::Sentence, &settings, &scratch, out),
        other => Err(format!("unknown value `what={other}`").into()),
    }
}

fn settings(options: &[String]) -> Outcome<Settings> {
    let mut settings = Settings {
        min_tokens: 50,
        part_bytes: 8 << 20,
        memory_bytes: 1 << 30,
        kept: Kept::First,
        what: "substrings".into(),
        show: 0,
    };
    for option in options {
        match option.split_once('=').ok_or("an option must be name=value")? {
            ("min_tokens", value) => settings.min_tokens = value.parse()?,
            ("part_bytes", value) => settings.part_bytes = value.parse()?,
            ("memory_bytes", value) => settings.memory_bytes = value.parse()?,
            ("kept", "none") => settings.kept = Kept::None,
            ("kept", "first") => settings.kept = Kept::First,
            ("what", value) => settings.what = value.into(),
            ("show", value) => settings.show = value.parse()?,
            (name, value) => return Err(format!("unknown option `{name}={value}`").into()),
        }
    }
    Ok(settings)
}

fn read(path: &str, part_bytes: usize) -> Outcome<Documents> {
    let mut documents = Vec::new();
    let (mut part, mut bytes) = (0, 0);
    for line in std::io::BufReader::new(std::fs::File::open(path)?).lines() {
        let document: serde_json::Value = serde_json::from_str(&line?)?;
        let text = document["text"].as_str().ok_or("a document has no `text`")?.to_owned();
        if bytes > part_bytes {
            (part, bytes) = (part + 1, 0);
        }
        bytes += text.len();
        documents.push((part, text));
    }
    Ok(documents)
}

fn substrings(
    documents: &Documents,
    settings: &Settings,
    scratch: &Scratch,
    out: &mut impl Write,
) -> Outcome {
    let finder = Substrings::new(settings.min_tokens);
    let pad = &mut Scratchpad::default();
    let words: usize = documents.iter().map(|(_, text)| text::words::words(text).count()).sum();
    writeln!(out, "{words} words")?;

    let start = Instant::now();
    let mut anchors = Vec::new();
    let mut ends = Vec::new();
    for (_, text) in documents {
        finder.anchors(text, pad, &mut anchors);
        ends.push(anchors.len());
    }
    writeln!(out, "anchors: {:.2} s, {} found", start.elapsed().as_secs_f64(), anchors.len())?;
    let anchors_of = |ordinal: usize| {
        let start = ordinal.checked_sub(1).map_or(0, |before| ends[before]);
        anchors[start..ends[ordinal]].iter().copied()
    };

    let start = Instant::now();
    let mut sorter = AnchorSorter::new(scratch, anchors.len() as u64, settings.memory_bytes)?;
    for (ordinal, (part, _)) in documents.iter().enumerate() {
        sorter.push(*part, anchors_of(ordinal))?;
    }
    let repeated = sorter.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(
        out,
        "sort: {seconds:.2} s, {} rows, {} repeated",
        repeated.rows(),
        repeated.repeated()
    )?;

    let start = Instant::now();
    let (mut looked_at, mut bytes_looked_at, mut sort_seconds) = (0, 0, 0.0);
    let mut sorter =
        WindowSorter::new(scratch, settings.kept, repeated.repeated() * 13, settings.memory_bytes)?;
    let mut windows = Vec::new();
    let mut of_part = (u32::MAX, dedup::substrings::Anchors::default());
    for (ordinal, (part, text)) in documents.iter().enumerate() {
        if of_part.0 != *part {
            of_part = (*part, repeated.of_part(*part)?);
        }
        if !of_part.1.concern(anchors_of(ordinal)) {
            continue;
        }
        looked_at += 1;
        bytes_looked_at += text.len();
        finder.windows(text, &of_part.1, pad, &mut windows);
        let start = Instant::now();
        sorter.push(*part, ordinal as u64, windows.drain(..))?;
        sort_seconds += start.elapsed().as_secs_f64();
    }
    let seconds = start.elapsed().as_secs_f64() - sort_seconds;
    writeln!(out, "windows: {seconds:.2} s, {looked_at} documents of {bytes_looked_at} bytes")?;
    let start = Instant::now();
    let found = sorter.finish()?;
    sort_seconds += start.elapsed().as_secs_f64();
    writeln!(out, "sort: {sort_seconds:.2} s, {} windows, {} rows", found.windows(), found.rows())?;
    remove(documents, settings, &finder, &found, out)
}

fn remove(
    documents: &Documents,
    settings: &Settings,
    finder: &Substrings,
    found: &dedup::substrings::RepeatedWindows,
    out: &mut impl Write,
) -> Outcome {
    let start = Instant::now();
    let (mut spans_found, mut bytes, mut left, mut affected) = (0, 0, 0, 0);
    let mut of_part = (u32::MAX, dedup::substrings::PartWindows::default());
    let mut digest = 0u64;
    for (ordinal, (part, text)) in documents.iter().enumerate() {
        if of_part.0 != *part {
            of_part = (*part, found.of_part(*part)?);
        }
        let spans = finder.spans(text, of_part.1.of_document(ordinal as u64));
        affected += usize::from(!spans.is_empty());
        bytes += spans.iter().map(ExactSizeIterator::len).sum::<usize>();
        for span in &spans {
            let place = [ordinal as u64, span.start as u64, span.end as u64];
            let place: Vec<u8> = place.iter().flat_map(|n| n.to_le_bytes()).collect();
            digest = digest.wrapping_add(xxhash_rust::xxh3::xxh3_64(&place));
            if spans_found < settings.show {
                writeln!(out, "{ordinal}: {:?}", &text[span.clone()])?;
            }
            spans_found += 1;
        }
        left += remove_spans(text, &spans).len();
    }
    let seconds = start.elapsed().as_secs_f64();
    writeln!(out, "spans: {seconds:.2} s, {spans_found} in {affected} documents, {bytes} bytes")?;
    writeln!(out, "{left} bytes left, digest of spans {digest:016x}")?;
    Ok(())
}

fn lines(
    documents: &Documents,
    unit: Unit,
    settings: &Settings,
    scratch: &Scratch,
    out: &mut impl Write,
) -> Outcome {
    let lines = Lines::new(LineOptions { unit, ..LineOptions::default() });
    let options =
        RepeatedOptions { keep_first: settings.kept == Kept::First, ..RepeatedOptions::default() };
    let start = Instant::now();
    let mut keys = Vec::new();
    let mut ends = Vec::new();
    for (_, text) in documents {
        lines.keys(text, &mut keys);
        ends.push(keys.len());
    }
    writeln!(out, "keys: {:.2} s, {} found", start.elapsed().as_secs_f64(), keys.len())?;
    let start = Instant::now();
    let mut sorter = KeySorter::new(scratch, options, keys.len() as u64, settings.memory_bytes)?;
    let mut from = 0;
    for (ordinal, ((part, _), end)) in documents.iter().zip(&ends).enumerate() {
        sorter.push(*part, ordinal as u64, keys[from..*end].iter().copied())?;
        from = *end;
    }
    let repeated = sorter.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(out, "sort: {seconds:.2} s, {} rows, {} repeated", repeated.rows(), repeated.keys())?;
    let start = Instant::now();
    let mut of_part = (u32::MAX, dedup::lines::PartKeys::default());
    let (mut units, mut repeated_units, mut bytes) = (0, 0, 0);
    for (ordinal, (part, text)) in documents.iter().enumerate() {
        if of_part.0 != *part {
            of_part = (*part, repeated.of_part(*part)?);
        }
        let rewritten = lines.rewrite(text, ordinal as u64, &of_part.1, Action::Remove);
        units += u64::from(rewritten.units);
        repeated_units += u64::from(rewritten.repeated_units);
        bytes += rewritten.repeated_bytes;
    }
    let seconds = start.elapsed().as_secs_f64();
    writeln!(out, "rewriting: {seconds:.2} s, {repeated_units} of {units} units, {bytes} bytes")?;
    Ok(())
}
