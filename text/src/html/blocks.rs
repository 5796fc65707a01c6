//! The texts of a page between line breaks.

use super::element::Element;
use super::entities;
use super::tree::{Kind, Node, Tree};

/// A run of text without a line break other than those of `<br>` and preformatted text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Bytes of [`Blocks::text`].
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// The element that breaks the line before the text.
    pub node: u32,
    /// The innermost element of the first text.
    pub leaf: u32,
    /// Bytes of the text that are in links.
    pub link_bytes: usize,
    /// Whether line breaks and spaces are kept.
    pub is_preformatted: bool,
}

/// The blocks of a page and their text, spaces collapsed and character references resolved.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub text: String,
    pub blocks: Vec<Block>,
}

/// An element that breaks lines and holds the current place of the page.
#[derive(Debug, Clone, Copy)]
struct Open {
    node: u32,
    end: u32,
    is_preformatted: bool,
}

#[derive(Debug, Default)]
struct Reader {
    out: Blocks,
    start: usize,
    leaf: Option<u32>,
    link_bytes: usize,
    open: Vec<Open>,
    decoded: String,
}

/// Divides the text of a page into blocks; scripts, forms and the like have none.
pub(super) fn read(html: &str, tree: &Tree) -> Blocks {
    let mut reader = Reader::default();
    let root = Open { node: 0, end: tree.nodes.len() as u32, is_preformatted: false };
    reader.open.push(root);
    let mut index = 0;
    while index < tree.nodes.len() {
        reader.leave(index as u32);
        let node = tree.nodes[index];
        match node.kind {
            Kind::Text { start, end, is_link } => {
                reader.text(&html[start as usize..end as usize], node.parent, is_link);
            }
            Kind::Element(element) if element.is_dropped() => {
                if element.is_block() {
                    reader.flush();
                }
                index = node.end as usize;
                continue;
            }
            Kind::Element(element) => reader.enter(index as u32, node, element),
        }
        index += 1;
    }
    reader.flush();
    reader.out
}

impl Reader {
    fn enter(&mut self, index: u32, node: Node, element: Element) {
        if element == Element::Br {
            self.line_break();
        } else if element.is_block() {
            self.flush();
            let is_inside = self.open.last().is_some_and(|open| open.is_preformatted);
            let is_preformatted = is_inside || element.is_preformatted();
            self.open.push(Open { node: index, end: node.end, is_preformatted });
        }
    }

    /// Closes the elements that end before a node.
    fn leave(&mut self, index: u32) {
        while self.open.last().is_some_and(|open| open.end <= index) && self.open.len() > 1 {
            self.flush();
            self.open.pop();
        }
    }

    fn is_preformatted(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_preformatted)
    }

    /// One break is a line's end, two are a paragraph's.
    fn line_break(&mut self) {
        if self.is_preformatted() {
            self.out.text.push('\n');
            return;
        }
        if self.out.text.len() > self.start && self.out.text.ends_with('\n') {
            self.flush();
        } else if self.out.text.len() > self.start {
            if self.out.text.ends_with(' ') {
                self.out.text.pop();
            }
            self.out.text.push('\n');
        }
    }

    fn text(&mut self, text: &str, parent: u32, is_link: bool) {
        let before = self.out.text.len();
        if text.contains('&') {
            let mut decoded = std::mem::take(&mut self.decoded);
            decoded.clear();
            entities::push_decoded(&mut decoded, text);
            self.push(&decoded);
            self.decoded = decoded;
        } else {
            self.push(text);
        }
        if self.leaf.is_none() && self.out.text.len() > before {
            self.leaf = Some(parent);
        }
        if is_link {
            self.link_bytes += self.out.text.len() - before;
        }
    }

    fn push(&mut self, text: &str) {
        let out = &mut self.out.text;
        if self.open.last().is_some_and(|open| open.is_preformatted) {
            for line in text.split_inclusive('\n') {
                let body = line.trim_end_matches(['\n', '\r']);
                out.push_str(body);
                if line.ends_with('\n') {
                    out.push('\n');
                }
            }
            return;
        }
        if text.starts_with(char::is_whitespace) {
            push_space(out, self.start);
        }
        let mut words = text.split_whitespace();
        if let Some(word) = words.next() {
            out.push_str(word);
            for word in words {
                out.push(' ');
                out.push_str(word);
            }
            if text.ends_with(char::is_whitespace) {
                out.push(' ');
            }
        }
    }

    /// Ends the current block.
    fn flush(&mut self) {
        let is_preformatted = self.is_preformatted();
        let text = &self.out.text[self.start..];
        let kept = text.trim_end().len();
        let skipped = if is_preformatted { leading_blank_lines(text) } else { 0 };
        if kept > skipped {
            let end = self.start + kept;
            let node = self.open.last().map_or(0, |open| open.node);
            let link_bytes = self.link_bytes.min(kept);
            let start = self.start + skipped;
            let leaf = self.leaf.unwrap_or(node);
            self.out.blocks.push(Block { start, end, node, leaf, link_bytes, is_preformatted });
            self.out.text.truncate(end);
        } else {
            self.out.text.truncate(self.start);
        }
        self.start = self.out.text.len();
        self.link_bytes = 0;
        self.leaf = None;
    }
}

/// Appends a space unless one, a line break or the block's start is before it.
fn push_space(out: &mut String, start: usize) {
    if out.len() > start && !out.ends_with([' ', '\n']) {
        out.push(' ');
    }
}

/// Bytes of the lines without text at the start of a preformatted text.
fn leading_blank_lines(text: &str) -> usize {
    let first = text.len() - text.trim_start().len();
    text[..first].rfind('\n').map_or(0, |end| end + 1)
}
