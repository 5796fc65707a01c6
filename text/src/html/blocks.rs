//! Splits the text of a page into blocks at line breaks.

use super::element::Element;
use super::entities;
use super::tree::{Kind, Node, Tree};

/// A piece of text. It has no line breaks other than those of `<br>` and of preformatted text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The first byte in [`Blocks::text`].
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// The innermost block element that contains the text.
    pub node: u32,
    /// The innermost element of any kind that contains the beginning of the text.
    pub leaf: u32,
    /// Bytes of the text that are in links.
    pub link_bytes: usize,
    /// Whether line breaks and spaces are kept.
    pub is_preformatted: bool,
}

/// The blocks of a page and their text, with spaces collapsed and character references resolved.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub text: String,
    pub blocks: Vec<Block>,
}

/// A block element that is open at the current position.
#[derive(Debug, Clone, Copy)]
struct Open {
    node: u32,
    end: u32,
    is_preformatted: bool,
}

#[derive(Debug)]
struct Reader {
    out: Blocks,
    start: usize,
    leaf: Option<u32>,
    link_bytes: usize,
    /// The innermost open block element.
    current: Open,
    /// The block elements around it, outermost first.
    outer: Vec<Open>,
    decoded: String,
}

/// Splits the text of a page into blocks. Elements that hold no text of the page
/// ([`Element::is_dropped`]) are skipped.
pub(super) fn read(html: &str, tree: &Tree) -> Blocks {
    let root = Open { node: 0, end: tree.nodes.len() as u32, is_preformatted: false };
    let mut reader = Reader {
        out: Blocks::default(),
        start: 0,
        leaf: None,
        link_bytes: 0,
        current: root,
        outer: Vec::new(),
        decoded: String::new(),
    };
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
            let is_preformatted = self.current.is_preformatted || element.is_preformatted();
            let open = Open { node: index, end: node.end, is_preformatted };
            self.outer.push(std::mem::replace(&mut self.current, open));
        }
    }

    /// Closes the elements that end before a node.
    fn leave(&mut self, index: u32) {
        while self.current.end <= index
            && let Some(outer) = self.outer.pop()
        {
            self.flush();
            self.current = outer;
        }
    }

    /// Handles a `<br>`: one ends the line, two in a row end the block.
    fn line_break(&mut self) {
        if self.current.is_preformatted {
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
            // The buffer is taken out of `self` because `push` borrows `self`.
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
        if self.current.is_preformatted {
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
        let Open { node, is_preformatted, .. } = self.current;
        let text = &self.out.text[self.start..];
        let kept = text.trim_end().len();
        let skipped = if is_preformatted { leading_blank_lines(text) } else { 0 };
        if kept > skipped {
            let end = self.start + kept;

            // The spaces that were trimmed may have been counted as link text.
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

/// Appends a space, except at the start of the block and after a space or a line break.
fn push_space(out: &mut String, start: usize) {
    if out.len() > start && !out.ends_with([' ', '\n']) {
        out.push(' ');
    }
}

/// Number of bytes of the blank lines at the start of a preformatted text.
fn leading_blank_lines(text: &str) -> usize {
    let first = text.len() - text.trim_start().len();
    text[..first].rfind('\n').map_or(0, |end| end + 1)
}
