//! Measures the speed of each function in megabytes per second on the documents of a file.
//!
//! `cargo run --release -p gristmill-text --example throughput -- FILE [LANGUAGE [NAME]]`: the file
//! may be compressed by zstd. It is plain text, which is cut into documents of about 8 KB, or JSON
//! lines with `text` and `lang`. Of JSON lines, up to 64 MB of documents in LANGUAGE (or in all
//! languages if it is `all`) are read. Only functions whose name contains NAME are measured.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::time::Instant;

use text::minhash::{DatatroveHash, MinHashConfig, MinHasher, Scheme, Scratch, Signature};
use text::words::Segmenter;

/// The amount of text after which no more JSON lines are read.
const MAX_BYTES: usize = 64 << 20;

/// The number of documents with which each function is called before its time is measured.
const WARM_UP_DOCUMENTS: usize = 100;

/// The size of a document that is cut from plain text.
const DOCUMENT_BYTES: usize = 8 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("the first argument must be a file")?;
    let language = arguments.next().filter(|language| language != "all");
    let documents = read(&file, language.as_deref())?;
    run(&documents);
    Ok(())
}

fn read(file: &str, language: Option<&str>) -> Result<Vec<String>, Box<dyn Error>> {
    let input = std::fs::File::open(file)?;
    let mut reader: Box<dyn Read> = Box::new(input);
    if Path::new(file).extension().is_some_and(|ending| ending == "zst") {
        reader = Box::new(zstd::Decoder::new(reader)?);
    }
    let mut documents = Vec::new();
    let mut bytes = 0;
    if !file.contains(".jsonl") {
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (document, behind) =
                rest.split_at(rest.ceil_char_boundary(DOCUMENT_BYTES.min(rest.len())));
            documents.push(document.to_owned());
            rest = behind;
        }
        return Ok(documents);
    }
    for line in BufReader::new(reader).lines() {
        let row: serde_json::Value = serde_json::from_str(&line?)?;
        let is_wanted = language.is_none_or(|language| row["lang"] == language);
        if is_wanted {
            let text = row["text"].as_str().ok_or("a document has no text")?;
            bytes += text.len();
            documents.push(text.to_owned());
        }
        if bytes > MAX_BYTES {
            break;
        }
    }
    Ok(documents)
}

fn run(documents: &[String]) {
    time("charset::decode", documents, |text| {
        black_box(text::charset::decode(text.as_bytes(), None));
    });
    time("words::words", documents, |text| {
        black_box(text::words::words(text).count());
    });
    time("normalise::simplify", documents, |text| {
        black_box(text::normalise::simplify(text));
    });
    time("hash::exact_key", documents, |text| {
        black_box(text::hash::exact_key(text));
    });
    time_minhash(documents);
    time("words, spacy-en", documents, |text| {
        black_box(Segmenter::SpacyEn.segment(text));
    });
    time("sentences::count", documents, |text| {
        black_box(text::sentences::count(text));
    });
    let mut measured = text::signals::Scratch::default();
    for segmenter in Segmenter::ALL {
        time(&format!("signals, {}", segmenter.as_str()), documents, |text| {
            black_box(text::signals::measure_with(text, segmenter, &mut measured));
        });
    }
    let rules = text::c4::Rules::default();
    time("c4::clean", documents, |text| {
        black_box(text::c4::clean(text, &rules));
    });
    time("language::detect", documents, |text| {
        black_box(text::language::detect(text));
    });
    time("pii::spans", documents, |text| {
        black_box(text::pii::spans(text));
    });
    time("safety::score", documents, |text| {
        black_box(text::safety::score(text));
    });
    let letters: Vec<String> = documents
        .iter()
        .map(|text| text.replace(|c: char| c.is_ascii_digit() || c == '@', "x"))
        .collect();
    time("pii::spans without digits", &letters, |text| {
        black_box(text::pii::spans(text));
    });
}

fn time_minhash(documents: &[String]) {
    let schemes = [
        ("minhash, fast", Scheme::Fast),
        ("minhash, fineweb", Scheme::FineWeb),
        ("minhash, datatrove xxhash", Scheme::Datatrove { hash: DatatroveHash::Xxhash }),
        ("minhash, datatrove sha1", Scheme::Datatrove { hash: DatatroveHash::Sha1 }),
    ];
    let (mut scratch, mut signature) = (Scratch::default(), Signature::default());
    for (name, scheme) in schemes {
        let hasher = MinHasher::new(MinHashConfig::new(scheme));
        time(name, documents, |text| {
            hasher.sign(text, &mut scratch, &mut signature);
            black_box(&signature);
        });
    }
}

#[expect(clippy::print_stdout, reason = "the result of a measuring program")]
fn time(name: &str, documents: &[String], mut function: impl FnMut(&str)) {
    if std::env::args().nth(3).is_some_and(|wanted| !name.contains(&wanted)) {
        return;
    }
    let bytes: usize = documents.iter().map(String::len).sum();
    // The first calls build the tables, which is not measured.
    documents.iter().take(WARM_UP_DOCUMENTS).for_each(|document| function(document));
    let start = Instant::now();
    let processor_start = processor_seconds();
    for document in documents {
        function(document);
    }
    // Processor time, if the system reports it, so that other programs do not matter.
    let seconds = match (processor_start, processor_seconds()) {
        (Some(start), Some(end)) => end - start,
        _ => start.elapsed().as_secs_f64(),
    };
    let rate = bytes as f64 / 1e6 / seconds;
    println!("{name:26} {rate:8.1} MB/s  ({} documents, {bytes} bytes)", documents.len());
}

/// The processor time of this thread in seconds. `None` if the system is not Linux.
fn processor_seconds() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(statistics.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}
