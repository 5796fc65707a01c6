//! Word F1 of HTML extraction against pages with gold text.
//!
//! `cargo run --release -p gristmill-text --example html_f1 -- GOLD.jsonl`: each line of the file
//! has `warc` (a file beside it, one gzip member a record), `offset`, `url` and `gold_text`. F1 is
//! over the multisets of lower-cased runs of alphanumeric characters, mean over pages.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use dom_smoothie::{CandidateSelectMode, Config, Readability, TextMode};
use flate2::read::GzDecoder;

type Extractor = fn(&str, &str) -> String;

fn main() -> Result<(), Box<dyn Error>> {
    let gold = std::env::args().nth(1).ok_or("the first argument is the file of gold texts")?;
    let pages = read_pages(Path::new(&gold))?;
    let extractors: [(&str, Extractor); 6] = [
        ("text::html::extract", |html, url| {
            text::html::extract(html, Some(url)).map(|found| found.text).unwrap_or_default()
        }),
        ("readability, raw", |html, _| {
            readability(html, TextMode::Raw, CandidateSelectMode::Readability)
        }),
        ("readability, formatted", |html, _| {
            readability(html, TextMode::Formatted, CandidateSelectMode::Readability)
        }),
        ("readability, markdown", |html, _| {
            readability(html, TextMode::Markdown, CandidateSelectMode::Readability)
        }),
        ("dom_smoothie, raw", |html, _| {
            readability(html, TextMode::Raw, CandidateSelectMode::DomSmoothie)
        }),
        ("dom_smoothie, formatted", |html, _| {
            readability(html, TextMode::Formatted, CandidateSelectMode::DomSmoothie)
        }),
    ];
    for (name, extractor) in extractors {
        report(name, &pages, extractor);
    }
    Ok(())
}

/// A page's address, HTML and gold text.
struct Page {
    url: String,
    html: String,
    gold: String,
}

fn read_pages(gold: &Path) -> Result<Vec<Page>, Box<dyn Error>> {
    let folder = gold.parent().unwrap_or(Path::new("."));
    let mut archives: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut pages = Vec::new();
    for line in std::fs::read_to_string(gold)?.lines() {
        let row: serde_json::Value = serde_json::from_str(line)?;
        let Some(gold) = row["gold_text"].as_str() else { continue };
        let name = row["warc"].as_str().ok_or("a row without `warc`")?;
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
        pages.push(Page {
            url: row["url"].as_str().unwrap_or_default().to_owned(),
            html: text::charset::decode(body, declared.as_deref()).text,
            gold: gold.to_owned(),
        });
    }
    Ok(pages)
}

fn split_header(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = record.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&record[..end], &record[end + 4..]))
}

fn readability(
    html: &str,
    text_mode: TextMode,
    candidate_select_mode: CandidateSelectMode,
) -> String {
    let config = Config { text_mode, candidate_select_mode, ..Config::default() };
    Readability::new(html, None, Some(config))
        .and_then(|mut page| page.parse())
        .map(|article| article.text_content.to_string())
        .unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the result of a measuring program")]
fn report(name: &str, pages: &[Page], extractor: Extractor) {
    let start = Instant::now();
    let processor_start = processor_seconds();
    let texts: Vec<String> = pages.iter().map(|page| extractor(&page.html, &page.url)).collect();
    // Time on a processor where the system tells it, so that other programs do not count.
    let seconds = match (processor_start, processor_seconds()) {
        (Some(start), Some(end)) => end - start,
        _ => start.elapsed().as_secs_f64(),
    };
    let mut sums = [0.0; 3];
    for (page, text) in pages.iter().zip(&texts) {
        let scores = scores(&page.gold, text);
        sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
    }
    let [precision, recall, f1] = sums.map(|sum| sum / pages.len() as f64);
    let empty = texts.iter().filter(|text| text.is_empty()).count();
    let rate = pages.len() as f64 / seconds;
    println!(
        "{name:26} P {precision:.3} R {recall:.3} F1 {f1:.3}, {empty} empty, {rate:.0} pages/s"
    );
}

/// Precision, recall and F1 of the words of a text against those of the gold text.
fn scores(gold: &str, text: &str) -> [f64; 3] {
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

/// Seconds that this thread has run, on Linux.
fn processor_seconds() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(statistics.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}
