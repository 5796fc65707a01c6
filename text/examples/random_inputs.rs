//! Calls the functions of the crate with random texts, to check that none of them panics.
//!
//! `cargo run --release -p gristmill-text --example random_inputs -- COUNT [SEED]`: the texts are
//! made of pieces that trigger rules (marks, digits, tags, addresses, letters of many scripts), so
//! they reach most of the code. Prints the number of texts.

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;

use text::url::{BlockListBuilder, Dialect, ListKind};
use text::words::Segmenter;

/// Pieces of texts, from common to unusual.
const PIECES: &[&str] = &[
    "the",
    "a",
    "Don't",
    "U.S.",
    "e.g.",
    ":)",
    "10km",
    "£6",
    "5.00",
    "…",
    "...",
    ".",
    "?",
    "!",
    "\"",
    "’",
    "'s",
    "-",
    "--",
    "—",
    "•",
    "#",
    "{",
    "}",
    "[1]",
    "[edit]",
    "lorem ipsum",
    "javascript",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " ",
    "  ",
    "\u{a0}",
    "\u{85}",
    "\u{2028}",
    "\0",
    "\u{fffd}",
    "\u{feff}",
    "\u{200d}",
    "\u{301}",
    "é",
    "ß",
    "İ",
    "ς",
    "Ⅷ",
    "हिन्दी",
    "ไทย",
    "日本語",
    "한국어",
    "العربية",
    "עברית",
    "😀",
    "👩‍👩‍👧",
    "\u{10ffff}",
    "١٢",
    "１",
    "%",
    "@",
    "a@b.example",
    "://",
    "http://",
    "www.",
    ".com",
    "/",
    "?q=",
    "%20",
    "%",
    ":8080",
    "[::1]",
    "192.168.0.1",
    "8.8.8.8",
    "+49 30",
    "(555)",
    "555-0100",
    "4111 1111 1111 1111",
    "DE89370400440532013000",
    "078-05-1120",
    "-----BEGIN PRIVATE KEY-----",
    "AKIA",
    "0x",
    "bc1q",
    "tel",
    "card",
    "<",
    ">",
    "</",
    "<p>",
    "<li>",
    "<td>",
    "<script>",
    "<pre>",
    "<a href=",
    "<!--",
    "-->",
    "<![CDATA[",
    "&amp;",
    "&#x10ffff;",
    "&#",
    ";",
    "=",
    "damn",
    "you are",
    "f*ck",
    "$h1t",
    "xn--",
    "xn--nxasmq6b",
    "1234567890",
    "999999999999999999999",
    "0",
    "Z",
];

/// A text has fewer pieces than this.
const PIECES_MAX: u64 = 24;

/// A generator of random numbers (Marsaglia 2003, "Xorshift RNGs").
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.next() % PIECES_MAX {
            match self.next() % 8 {
                0 => text.extend(char::from_u32(self.next() as u32 % 0x11_0000)),
                1 => text.extend(char::from_u32(self.next() as u32 % 0x80)),
                _ => text.push_str(PIECES[self.next() as usize % PIECES.len()]),
            }
            if self.next().is_multiple_of(3) {
                text.push(' ');
            }
        }
        text
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 =
        arguments.next().ok_or("the first argument must be the number of texts")?.parse()?;
    let seed: u64 = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let mut random = Random(seed | 1);
    let mut builder = BlockListBuilder::new(Dialect::Canonical);
    for kind in ListKind::ALL {
        for _ in 0..50 {
            builder.add_line(kind, random.text().as_bytes());
        }
    }
    let lists = builder.build();
    let mut bytes = 0;
    for _ in 0..count {
        let text = random.text();
        bytes += text.len();
        for segmenter in Segmenter::ALL {
            black_box(text::signals::measure(&text, segmenter));
        }
        black_box(text::c4::clean(&text, &text::c4::Rules::default()));
        black_box(text::c4::paragraph_reason(&text));
        black_box(text::sentences::sentences(&text));
        black_box(text::language::shares(&text::language::paragraphs(&text)));
        black_box(text::quality::score(&text));
        black_box(text::safety::score(&text));
        black_box(text::pii::Detector::new(text::pii::Options::everything()).mask(&text));
        let masked = text::pii::mask(&text);
        assert!(text::pii::spans(&masked).is_empty(), "{text:?} gave {masked:?}");
        black_box(text::normalise::simplify(&text));
        // Extraction may reject a page; it only must not panic.
        drop(black_box(text::html::extract(&text)));
        black_box(text::charset::decode(text.as_bytes(), Some(&text)));
        black_box((lists.check(&text), text::url::registered_domain(&text)));
        black_box((text::url::host(&text), text::url::suspicion(&text)));
    }
    writeln!(std::io::stdout(), "{count} texts, {bytes} bytes, no panic")?;
    Ok(())
}
