//! Builds the tree of a page (HTML Standard §13.2.6, without the rules that do not affect text).
//!
//! Nodes are stored in one array in page order, so the subtree of a node is a range and every pass
//! over the tree is a loop. Two rules of the standard are not implemented: text is not moved out of
//! tables, and formatting elements are not reopened. The only effect of the latter that matters,
//! whether a text is in a link, is stored with each text. Elements nested deeper than [`MAX_DEPTH`]
//! become siblings, as in Chromium.

use super::Defeat;
use super::element::{ELEMENTS, Element};
use super::hints::{self, Hints};
use super::metadata::Metadata;
use super::tokenizer::{Token, Tokenizer};

/// Maximum number of open elements, the root included: the depth at which Chromium's parser stops
/// nesting.
pub(super) const MAX_DEPTH: usize = 512;

/// Maximum number of nodes. Each needs about 70 bytes of memory, including everything derived from
/// it; a real page of the maximum size has a third of this number.
const MAX_NODES: usize = 2_000_000;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An element.
    Element(Element),
    /// A text.
    Text {
        /// Its first byte in the page.
        start: u32,
        /// The byte after its last one.
        end: u32,
        /// Whether the text is in a link.
        is_link: bool,
    },
}

/// A node of the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub kind: Kind,
    /// The parent node; the root is its own parent.
    pub parent: u32,
    /// The node after the last one of the subtree.
    pub end: u32,
    /// Hints from the attributes of the element.
    pub hints: Hints,
}

/// The tree of a page: nodes in page order; the first one is the root.
#[derive(Debug)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub metadata: Metadata,
}

impl Tree {
    /// The element of a node; [`Element::Other`] for a text.
    pub(super) fn element(&self, node: u32) -> Element {
        match self.nodes[node as usize].kind {
            Kind::Element(element) => element,
            Kind::Text { .. } => Element::Other,
        }
    }
}

/// The state of the parser.
#[derive(Debug)]
struct Builder {
    nodes: Vec<Node>,
    /// The nodes of the open elements below the root, outermost first.
    open: Vec<(u32, Element)>,
    /// How many elements of each kind are open.
    open_counts: [u32; ELEMENTS],
    /// Number of elements that are nested too deep to be opened.
    too_deep: u32,
    /// Whether text is in a link.
    is_link: bool,
}

/// Parses a page.
pub(super) fn parse(html: &str) -> Result<Tree, Defeat> {
    let mut tokenizer = Tokenizer::new(html);
    let mut metadata = Metadata::default();
    let mut hints = hints::Reader::default();
    let root =
        Node { kind: Kind::Element(Element::Body), parent: 0, end: 0, hints: Hints::default() };
    let mut builder = Builder {
        nodes: vec![root],
        open: Vec::new(),
        open_counts: [0; ELEMENTS],
        too_deep: 0,
        is_link: false,
    };
    while let Some(token) = tokenizer.next_token() {
        match token {
            Token::Text { start, end } => builder.text(start, end),
            Token::End { element } => builder.end(element),
            Token::Start { element, content } => {
                let attributes = &tokenizer.attributes;
                metadata.see(html, element, attributes, content);
                // Raw text is not part of the page, except in `xmp`, an old form of `pre`.
                if element.is_raw_text() {
                    if element == Element::Xmp
                        && let Some((start, end)) = content
                    {
                        builder.start(Element::Pre, Hints::default());
                        builder.text(start, end);
                        builder.end(Element::Pre);
                    }
                    continue;
                }
                let hints = hints.read(element, attributes);
                builder.start(element, hints);
                builder.is_link |= element == Element::A && attributes.has_href;
            }
        }
        if builder.nodes.len() > MAX_NODES {
            return Err(Defeat::TooManyNodes);
        }
    }
    builder.pop_to(0);
    let end = builder.nodes.len() as u32;
    builder.nodes[0].end = end;
    Ok(Tree { nodes: builder.nodes, metadata })
}

impl Builder {
    fn text(&mut self, start: usize, end: usize) {
        let (start, end) = (start as u32, end as u32);
        self.push(Kind::Text { start, end, is_link: self.is_link }, Hints::default());
    }

    fn push(&mut self, kind: Kind, hints: Hints) -> u32 {
        let index = self.nodes.len() as u32;
        let parent = self.open.last().map_or(0, |(node, _)| *node);
        self.nodes.push(Node { kind, parent, end: index + 1, hints });
        index
    }

    fn start(&mut self, element: Element, hints: Hints) {
        use Element as E;
        match element {
            // The root stands for these three, whose tags can be missing or repeated.
            E::Html | E::Head | E::Body => return,
            E::A => self.end(E::A),
            E::Li => self.close_in(&[E::Li], |open| open.is_list() || open.is_table_part()),
            E::Dd | E::Dt => {
                self.close_in(&[E::Dd, E::Dt], |open| open == E::Dl || open.is_table_part());
            }
            E::Td | E::Th => self.close_in(&[E::Td, E::Th, E::Caption], |open| open == E::Table),
            E::Tr => self.close_in(&[E::Tr, E::Caption], |open| open == E::Table),
            E::Tbody | E::Thead | E::Tfoot => {
                self.close_in(&[E::Tbody, E::Thead, E::Tfoot, E::Caption], |open| open == E::Table);
            }
            E::Option | E::Optgroup => self.close_in(&[E::Option], |open| open == E::Select),
            E::Button => self.close_in(&[E::Button], |_| false),
            _ => {}
        }
        if element.is_heading() && self.open.last().is_some_and(|(_, open)| open.is_heading()) {
            self.pop_to(self.open.len() - 1);
        }
        if element.closes_paragraph() {
            self.close_in(&[E::P], |open| open.is_table_part() || open == E::Button);
            // A list of choices cannot contain a block, so its end tag is missing.
            self.close_in(&[E::Select, E::Datalist], |_| false);
        }
        let node = self.push(Kind::Element(element), hints);
        if element.is_void() {
            return;
        }
        if self.open.len() + 1 < MAX_DEPTH {
            self.open.push((node, element));
            self.open_counts[element as usize] += 1;
        } else {
            self.too_deep += 1;
        }
    }

    /// Closes the innermost open element of the given kinds and all elements inside it, unless one
    /// of those is a boundary.
    fn close_in(&mut self, elements: &[Element], is_boundary: impl Fn(Element) -> bool) {
        if elements.iter().all(|element| self.open_counts[*element as usize] == 0) {
            return;
        }
        for (index, (_, open)) in self.open.iter().enumerate().rev() {
            if elements.contains(open) {
                self.pop_to(index);
                return;
            }
            if is_boundary(*open) {
                return;
            }
        }
    }

    fn end(&mut self, element: Element) {
        use Element as E;
        match element {
            E::Br => {
                self.push(Kind::Element(E::Br), Hints::default());
            }
            E::A => {
                self.is_link = false;
                self.close_in(&[E::A], Element::is_block);
            }
            // The end tag of an element that was too deep to be opened.
            _ if self.too_deep > 0 => self.too_deep -= 1,
            E::Li => self.close_in(&[E::Li], |open| open.is_list() || open == E::Td),
            E::Table | E::Select | E::Template => self.close_in(&[element], |_| false),
            _ if element.is_table_part() => self.close_in(&[element], |open| open == E::Table),
            _ if element.is_heading() => {
                let headings = [E::H1, E::H2, E::H3, E::H4, E::H5, E::H6];
                self.close_in(&headings, Element::is_table_part);
            }
            _ if element.is_block() => self.close_in(&[element], Element::is_table_part),
            _ => self.close_in(&[element], Element::is_block),
        }
    }

    /// Closes the open elements from an index on.
    fn pop_to(&mut self, length: usize) {
        let end = self.nodes.len() as u32;
        for (node, element) in self.open.drain(length..) {
            self.nodes[node as usize].end = end;
            self.open_counts[element as usize] -= 1;
            if element == Element::A {
                self.is_link = false;
            }
        }
    }
}
