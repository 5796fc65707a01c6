//! Extracts the main text of an HTML page.
//!
//! The steps in order, by module: `tokenizer` finds tags and texts, `tree` nests them, `hints`
//! interprets class names and other attributes, `blocks` splits the text at line breaks, `layout`
//! computes sums over the tree, `features` describes each block, `content` selects blocks with
//! `weights` that were fitted to pages with gold text, and `render` writes them. All steps are
//! loops over arrays: for any page the time is proportional to its length, and the stack does not
//! grow.
//!
//! Word F1, and pages per second of processor time on one thread of a busy machine, measured by
//! `benches/html.py` in one run on 238 real pages with gold text and on Readability's 130 test
//! pages:
//!
//! | extractor | F1, real pages | F1, Readability's | pages/s |
//! |---|---|---|---|
//! | this one | .955 | .957 | 1626 |
//! | the same, in a cross-validation with five folds | .952 | (both sets) | |
//! | trafilatura, default settings | .920 | .928 | 35 |
//! | resiliparse, main content | .873 | .927 | 415 |
//!
//! dom_smoothie 0.19, a port of Readability that was used here before, scores .939 on the real
//! pages. In manuals, 98 % of the words outside navigation are kept.

mod blocks;
mod content;
mod element;
mod entities;
mod features;
mod hints;
mod layout;
mod metadata;
mod render;
mod structured;
mod tokenizer;
mod tree;
mod weights;

#[cfg(test)]
mod tests;

/// Larger pages are refused. Common Crawl truncates pages at 1 MiB (5 MiB since 2025).
const MAX_HTML_BYTES: usize = 16 << 20;

/// The main content of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The title of the article, without the name of the site if it was recognized.
    pub title: Option<String>,
    /// The text: paragraphs, headings, lists and tables separated by one blank line; items of a
    /// list on lines that begin with `- `; rows of a table on lines, cells separated by ` | `;
    /// preformatted text unchanged. Only lines of preformatted text begin with a space; no line
    /// ends with one.
    pub text: String,
}

/// Why no text was extracted from a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defeat {
    /// The page is larger than 16 MiB.
    TooLarge,
    /// The page has more than two million elements and texts.
    TooManyNodes,
    /// No text was found.
    NoText,
}

impl Defeat {
    /// The reason's name, such as `html_no_text`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "html_too_large",
            Self::TooManyNodes => "html_too_many_nodes",
            Self::NoText => "html_no_text",
        }
    }
}

/// Extracts the main content of an HTML page, without navigation, advertisements and comments.
///
/// Malformed pages are parsed as in browsers; elements nested more than 512 deep become siblings.
/// The work is limited by the size of the page and its number of nodes, not by a timeout, so the
/// same page always gives the same result.
///
/// ```
/// let page = "<title>On Milling</title><nav><ul><li><a href=/>Home</a><li><a href=/news>News</a>\
///             <li><a href=/shop>Shop</a></ul></nav><article><h1>On Milling</h1><p>The miller \
///             ground the wheat, slowly, while his children slept.<p>In the morning they carried \
///             the flour to the village, where the baker had been waiting since dawn.</article>";
/// let found = text::html::extract(page).unwrap();
/// assert!(found.text.contains("The miller ground the wheat"));
/// assert!(!found.text.contains("Shop"));
/// ```
///
/// # Errors
///
/// The page is larger than 16 MiB, has more than two million elements and texts, or has no text.
pub fn extract(html: &str) -> Result<Extracted, Defeat> {
    if html.len() > MAX_HTML_BYTES {
        return Err(Defeat::TooLarge);
    }
    let tree = tree::parse(html)?;
    let blocks = blocks::read(html, &tree);
    let chosen = content::choose(&tree, &blocks);
    let text = render::render(&tree, &blocks, &chosen);
    if text.is_empty() {
        return Err(Defeat::NoText);
    }
    Ok(Extracted { title: tree.metadata.article_title(), text })
}

/// A block of text as the extractor sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// The text.
    pub text: String,
    /// Whether the block is content.
    pub is_content: bool,
    /// Names and values of the features.
    pub features: Vec<(&'static str, f32)>,
}

impl features::Sink for Inspected {
    fn add(&mut self, name: &'static str, value: f32) {
        self.features.push((name, value));
    }
}

/// All blocks of a page with their features. They explain the result of [`extract`], and are the
/// data from which the weights are fitted.
///
/// # Errors
///
/// The page has more than two million elements and texts.
pub fn inspect(html: &str) -> Result<Vec<Inspected>, Defeat> {
    let tree = tree::parse(html)?;
    let blocks = blocks::read(html, &tree);
    let layout = layout::Layout::new(&tree, &blocks);
    let page = features::Page::new(&tree, &blocks, &layout);
    let chosen = content::choose(&tree, &blocks);
    let inspect = |(index, block): (usize, &blocks::Block)| {
        let text = blocks.text[block.start..block.end].to_owned();
        let mut seen = Inspected { text, is_content: chosen[index], features: Vec::new() };
        page.describe(index, &mut seen);
        seen
    };
    Ok(blocks.blocks.iter().enumerate().map(inspect).collect())
}
