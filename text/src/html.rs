//! The main text of an HTML page.
//!
//! The work is done by dom_smoothie, a port of Mozilla's Readability on html5ever. Word F1 against
//! 238 real pages with gold text, and pages for each second on a processor of one busy machine, all
//! by the program in `examples/html_f1.rs` (a copy of it for the crates that are no dependencies):
//!
//! | extractor | precision | recall | F1 | pages/s |
//! |---|---|---|---|---|
//! | dom_smoothie 0.19, Readability's candidates, formatted text | .923 | .979 | .939 | 376 |
//! | the same, raw text | .923 | .977 | .938 | 394 |
//! | the same, Markdown | .783 | .980 | .852 | 376 |
//! | dom_smoothie's own candidates, formatted text | .920 | .977 | .935 | 385 |
//! | trafilatura 0.6, the crate | .934 | .966 | .935 | 160 |
//! | the same, in favour of precision (11 pages empty) | .894 | .904 | .882 | 167 |
//! | rs-trafilatura 0.2 | .906 | .979 | .927 | 70 |
//!
//! Formatted text is the best and the only mode that keeps paragraphs apart. Markdown loses because
//! the addresses of links count as words, which they would as training data too. The crate resiliparse
//! 2.0 was not measured: it needs lexbor and uchardet from the system or vcpkg, and a bare machine has
//! neither.

mod bounds;

use dom_smoothie::{Config, Readability, TextMode};

/// Bytes of HTML beyond which a page is not read: its tree takes tens of times as much memory.
/// Common Crawl cuts pages at 1 MiB (5 MiB since 2025).
pub const MAX_HTML_BYTES: usize = 4 << 20;

/// Elements of the tree beyond which a page is not read.
const MAX_ELEMENTS: usize = 500_000;

/// Depth of the tree beyond which a page is not read: dom_smoothie recurses over it.
const MAX_DEPTH: usize = 600;

/// The main content of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The title of the article, without the name of the site where that can be told.
    pub title: Option<String>,
    /// The text, its paragraphs separated by one blank line.
    pub text: String,
}

/// The main content of an HTML page, without navigation, advertisements and comments.
///
/// `None` when nothing worth keeping was found, or the page exceeds a bound: [`MAX_HTML_BYTES`],
/// 500,000 elements, or elements nested more than about 500 deep. `url` helps to find the title
/// and may be anything.
pub fn extract(html: &str, url: Option<&str>) -> Option<Extracted> {
    if html.len() > MAX_HTML_BYTES || !bounds::are_kept(html) {
        return None;
    }
    let config = Config {
        text_mode: TextMode::Formatted,
        max_elements_to_parse: MAX_ELEMENTS,
        ..Config::default()
    };
    // An address that is not absolute is an error to dom_smoothie, but no reason to lose a page.
    let url = url.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    let mut page = Readability::new(html, None, Some(config)).ok()?;
    if !is_shallow(&page) {
        return None;
    }
    page.doc_url = url.map(str::to_owned);
    let article = page.parse().ok()?;
    let text = separate_paragraphs(&article.text_content);
    let title = Some(article.title.trim().to_owned()).filter(|title| !title.is_empty());
    (!text.is_empty()).then_some(Extracted { title, text })
}

/// Whether no element of a parsed page lies deeper than the bound; the scan before parsing is an
/// estimate, this is certain.
fn is_shallow(page: &Readability) -> bool {
    let mut node = page.doc.root();
    let mut depth = 0;
    loop {
        if let Some(child) = node.first_child() {
            node = child;
            depth += 1;
            if depth > MAX_DEPTH {
                return false;
            }
            continue;
        }
        while node.next_sibling().is_none() {
            let Some(parent) = node.parent() else { return true };
            node = parent;
            depth -= 1;
        }
        let Some(sibling) = node.next_sibling() else { return true };
        node = sibling;
    }
}

/// The text with exactly one blank line wherever there are some, and no space at line ends.
fn separate_paragraphs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut breaks = 0;
    for line in text.lines().map(str::trim_end) {
        if line.trim().is_empty() {
            breaks = 2;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if breaks == 2 { "\n\n" } else { "\n" });
        }
        out.push_str(line);
        breaks = 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn article(extra: &str) -> String {
        let sentence = "The miller ground the wheat, slowly, while his children slept upstairs. ";
        let paragraph = format!("<p>{}</p>", sentence.repeat(6));
        format!(
            "<html><head><title>On Milling</title></head><body><nav><a href=/>Home</a></nav>{extra}\
             <article>{}</article></body></html>",
            paragraph.repeat(3)
        )
    }

    #[test]
    fn an_article_is_found_and_its_paragraphs_are_apart() {
        let found = extract(&article(""), Some("not a url")).unwrap();
        assert_eq!(found.title.as_deref(), Some("On Milling"));
        assert_eq!(found.text.split("\n\n").count(), 3);
        assert!(!found.text.contains("Home"));
        assert_eq!(extract("", None), None);
        assert_eq!(extract("<p></p>", None), None);
    }

    #[test]
    fn hostile_pages_are_refused_quickly() {
        assert_eq!(extract(&article(&"<div>".repeat(100_000)), None), None);
        assert_eq!(extract(&article(&"<span><div></span>".repeat(50_000)), None), None);
        assert_eq!(extract(&article(&"<div></x>".repeat(50_000)), None), None);
        // Foreign content hides its elements from the scan, but not from the check of the tree.
        let hidden = format!("<svg><style>{}", "<g>".repeat(100_000));
        assert_eq!(extract(&article(&hidden), None), None);
        assert_eq!(extract(&"<a ".repeat(MAX_HTML_BYTES / 3), None), None);
        let mut bold = String::new();
        for index in 0..20_000 {
            let _ = write!(bold, "<p><b id={index}>x</p>");
        }
        assert_eq!(extract(&article(&bold), None), None);
        assert_eq!(extract(&" ".repeat(MAX_HTML_BYTES + 1), None), None);
    }

    #[test]
    fn the_deepest_page_that_is_read_fits_a_small_stack() {
        let page = article(&"<div>".repeat(480));
        let run = move || assert!(extract(&page, None).is_some());
        let small = std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap();
        small.join().unwrap();
    }

    #[test]
    fn sloppy_pages_are_read() {
        let sloppy = "<p><font size=2><b>a<i>b</b>c</i><li><td><a name=x>d".repeat(300);
        assert!(extract(&article(&sloppy), None).is_some());
    }

    proptest! {
        #[test]
        fn any_page_is_read(html in "(<(/?)(div|b|a|table|td|p|script|svg|!--) ?(id=1)?>|[a-z é&;]){0,60}") {
            let _ = extract(&html, Some("https://a.example/b"));
        }
    }
}
