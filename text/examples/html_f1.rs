//! Measures the word F1 of HTML extraction on pages with gold text.
//!
//! `cargo run --release -p gristmill-text --example html_f1 -- PAGES.jsonl [--texts | --inspect]`:
//! each line of the file has `gold_text` and a page, which is given as `html`, or as `warc` and
//! `offset` (a file in the same folder, with one gzip member per record). F1 compares the multisets
//! of lower-case words and is averaged over the pages. With `--texts`, a line of JSON is printed
//! for each page instead, with the extracted `text` and the mean time per page in `seconds`; with
//! `--inspect` a line with its blocks and their features, from which the weights are fitted.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().ok_or("the first argument must be the file of pages")?;
    let mode = arguments.get(1).map_or("", String::as_str);
    let mut archives = BTreeMap::new();
    let folder = Path::new(file).parent().unwrap_or(Path::new("."));
    let mut out = std::io::stdout().lock();
    let (mut pages, mut golds) = (Vec::new(), Vec::new());
    for line in BufReader::new(std::fs::File::open(file)?).lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let gold = row["gold_text"].as_str();
        if mode.is_empty() && gold.is_none() {
            continue;
        }
        pages.push(match row["html"].as_str() {
            Some(html) => html.to_owned(),
            None => read_record(&row, folder, &mut archives)?,
        });
        golds.push(gold.unwrap_or("").to_owned());
    }
    if mode == "--inspect" {
        for page in &pages {
            // A page that is refused has no blocks.
            let blocks = text::html::inspect(page).unwrap_or_default();
            let blocks = blocks.iter().map(|b| json!([b.text, b.is_content, b.features]));
            writeln!(out, "{}", blocks.collect::<Value>())?;
        }
        return Ok(());
    }
    let start = processor_seconds();
    let extract = |page: &String| text::html::extract(page).map(|found| found.text);
    // A page from which nothing is extracted counts as an empty text.
    let texts: Vec<String> = pages.iter().map(|page| extract(page).unwrap_or_default()).collect();
    let seconds = processor_seconds() - start;
    if mode == "--texts" {
        for text in &texts {
            writeln!(out, "{}", json!({ "text": text, "seconds": seconds / pages.len() as f64 }))?;
        }
        return Ok(());
    }
    let scores: Vec<[f64; 3]> =
        golds.iter().zip(&texts).map(|(gold, text)| word_scores(gold, text)).collect();
    let mean =
        |index: usize| scores.iter().map(|scores| scores[index]).sum::<f64>() / scores.len() as f64;
    let (precision, recall, f1) = (mean(0), mean(1), mean(2));
    let rate = scores.len() as f64 / seconds;
    writeln!(out, "P {precision:.4} R {recall:.4} F1 {f1:.4}, {rate:.0} pages/s")?;
    Ok(())
}

/// The decoded body of the WARC record that a row refers to.
fn read_record(
    row: &Value,
    folder: &Path,
    archives: &mut BTreeMap<String, Vec<u8>>,
) -> Result<String, Box<dyn Error>> {
    let name = row["warc"].as_str().ok_or("a row without `warc` and `html`")?;
    if !archives.contains_key(name) {
        archives.insert(name.to_owned(), std::fs::read(folder.join(name))?);
    }
    let offset = row["offset"].as_u64().ok_or("a row without `offset`")? as usize;
    let mut record = Vec::new();
    GzDecoder::new(&archives[name][offset..]).read_to_end(&mut record)?;
    // WARC header, HTTP header, body.
    let parts = split_header(&record).and_then(|(_, http)| split_header(http));
    let (header, body) = parts.ok_or("a record without HTTP header")?;
    let header = String::from_utf8_lossy(header);
    let declared = text::charset::declared_in_content_type(&header)
        .map(str::to_owned)
        .or_else(|| text::charset::declared_in_html(body));
    Ok(text::charset::decode(body, declared.as_deref()).text)
}

fn split_header(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = record.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&record[..end], &record[end + 4..]))
}

/// Precision, recall and F1 of the words of a text against those of the gold text.
fn word_scores(gold: &str, text: &str) -> [f64; 3] {
    let (gold, text) = (count_words(gold), count_words(text));
    let common: usize =
        text.iter().map(|(word, count)| (*count).min(gold.get(word).copied().unwrap_or(0))).sum();
    let share = |whole: &BTreeMap<String, usize>| {
        let words: usize = whole.values().sum();
        if words == 0 { 0.0 } else { common as f64 / words as f64 }
    };
    let (precision, recall) = (share(&text), share(&gold));
    let f1 = if common == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
    [precision, recall, f1]
}

fn count_words(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty())
    {
        *counts.entry(word.to_owned()).or_insert(0) += 1;
    }
    counts
}

/// On Linux the processor time of this thread in seconds, so that other programs do not count; on
/// other systems the seconds since the first call.
fn processor_seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let Ok(statistics) = std::fs::read_to_string("/proc/thread-self/schedstat") else {
        return START.get_or_init(Instant::now).elapsed().as_secs_f64();
    };
    let nanoseconds = statistics.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}
