//! Numbers, names and texts formatted for people.

/// Number of characters in an excerpt.
const EXCERPT_CHARACTERS: usize = 160;

/// Number of characters examined for an excerpt: enough to recognise all of a piece of personal
/// data that begins in the excerpt.
pub(crate) const LOOKED_AT_CHARACTERS: usize = 4000;

/// The space between a number and its unit, at which lines do not break.
const SPACE: char = '\u{a0}';

/// A whole number with thousands separators.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 document`, `2,000 documents`.
pub(crate) fn things(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// Bytes in the largest unit in which the number is at least 1.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes}{SPACE}B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        // 1,023.96 would be rounded to 1024.0, so it goes to the next unit.
        if size < 1023.95 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.1}{SPACE}{unit}")
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        return format!("<{SPACE}0.1{SPACE}%");
    }
    if percent < 100.0 && percent > 99.9 {
        return format!(">{SPACE}99.9{SPACE}%");
    }
    format!("{percent:.1}{SPACE}%")
}

/// A number with `digits` decimal places.
pub(crate) fn decimals(number: f64, digits: usize) -> String {
    format!("{number:.digits$}")
}

/// The fraction `part` / `whole`; 0 if `whole` is 0.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The width of a bar in CSS.
pub(crate) fn width(share: f64) -> String {
    format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0)
}

/// The last part of a path or an address.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).find(|name| !name.is_empty()).unwrap_or(path)
}

/// The beginning of a text on one line, personal data masked.
pub(crate) fn excerpt(text: &str) -> String {
    // Joining lines can bring parts of a number together, or run a list of numbers together. So the
    // text is masked both before and after.
    let one_line = one_line(&text::pii::mask(text));
    let masked = text::pii::mask(&one_line);
    let mut characters = masked.chars();
    let mut shown: String = characters.by_ref().take(EXCERPT_CHARACTERS).collect();
    if characters.next().is_some() {
        shown.truncate(shown.trim_end().len());
        shown.push('…');
    }
    shown
}

/// A name for a document: its URL, or else its id with the path shortened to the file's name.
pub(crate) fn document_name(id: &str, url: &str, path: &str) -> String {
    if !url.is_empty() {
        return excerpt(url);
    }
    match id.strip_prefix(path) {
        Some(rest) if !path.is_empty() => excerpt(&format!("{}{rest}", file_name(path))),
        _ => excerpt(id),
    }
}

/// Replaces each run of white space and control characters by one space.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A value with at most five digits.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        magnitude if magnitude >= 1000.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let sizes = [0, 1023, 1024, (1 << 20) - 1, 5_138_022].map(bytes);
        assert_eq!(
            sizes.map(|size| size.replace(SPACE, " ")),
            ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "4.9 MiB"]
        );
        let shares = [0.0, 0.0001, 0.4664, 0.9999, 1.0].map(percent);
        assert_eq!(
            shares.map(|share| share.replace(SPACE, " ")),
            ["0.0 %", "< 0.1 %", "46.6 %", "> 99.9 %", "100.0 %"]
        );
    }

    #[test]
    fn excerpts_are_short_and_masked() {
        let address = "jane.roe@example.org";
        let text = format!("{} {address} and\n\n\tmore", "word ".repeat(27));
        let shown = excerpt(&text);
        assert!(shown.contains("<EMAIL> and more"), "{shown}");
        // If the cut falls into the address, no part of it may be shown.
        for words in 24..40 {
            let shown = excerpt(&format!("{}{address} {}", "word ".repeat(words), "x ".repeat(99)));
            assert!(!shown.contains("jane") && shown.chars().count() <= 161, "{shown}");
        }
    }

    #[test]
    fn names_hide_folders() {
        let path = "/data/crawl/a.jsonl";
        assert_eq!(document_name("/data/crawl/a.jsonl/7", "", path), "a.jsonl/7");
        assert_eq!(document_name("42", "", path), "42");
        assert_eq!(document_name("42", "https://example.org/x", path), "https://example.org/x");
    }
}
