//! The main text of an HTML page.
//!
//! Parts, in the order of the work: `tokenizer` finds tags and texts, `tree` nests them, `hints`
//! reads what class names say, `blocks` cuts the text at line breaks, `layout` sums over the tree,
//! `features` describes each block, `content` chooses blocks by `weights` fitted to pages with gold
//! text, `render` writes them. All of it is loops over arrays: the time grows with the length of
//! the page, whatever is in it, and the stack does not grow.
//!
//! Word F1, and pages for each second of processor time on one thread of a busy machine, by
//! `benches/html.py` in one run: 238 real pages with gold text, and Readability's 130 test pages.
//!
//! | extractor | F1, real pages | F1, Readability's | pages/s |
//! |---|---|---|---|
//! | this one | .955 | .957 | 1626 |
//! | the same, weights fitted without the page (five folds) | .952 | (both sets) | |
//! | trafilatura, default settings | .920 | .928 | 35 |
//! | resiliparse, main content | .873 | .927 | 415 |
//!
//! dom_smoothie 0.19, a port of Readability that stood here before, has .939 on the real pages.
//! Of the words of manuals outside navigation 98 % are kept.

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

/// Bytes of HTML beyond which a page is not read.
/// Common Crawl cuts pages at 1 MiB (5 MiB since 2025).
pub const MAX_HTML_BYTES: usize = 16 << 20;

/// The main content of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The title of the article, without the name of the site where that can be told.
    pub title: Option<String>,
    /// The text: paragraphs, headings, lists and tables separated by one blank line; items of a
    /// list on lines that begin with `- `; rows of a table on lines, cells separated by ` | `;
    /// preformatted text as it stands. No line but of preformatted text begins with a space, none
    /// ends with one.
    pub text: String,
}

/// Why a page has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defeat {
    /// The page is longer than [`MAX_HTML_BYTES`].
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

/// The main content of an HTML page, without navigation, advertisements and comments.
///
/// Broken pages are read as browsers read them; elements nested more than 512 deep become siblings.
/// The work is bounded by [`MAX_HTML_BYTES`] and the number of nodes, not by a clock, so that the
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
    /// The features, by name.
    pub features: Vec<(&'static str, f32)>,
}

impl features::Sink for Inspected {
    fn add(&mut self, name: &'static str, value: f32) {
        self.features.push((name, value));
    }
}

/// The blocks of a page with what is told of them: to see why a page is read as it is, and to fit
/// the weights.
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
