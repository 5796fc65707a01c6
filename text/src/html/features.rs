//! The features of a block: properties of its text, its element, its neighbours and its position in
//! the tree.

use rustc_hash::{FxHashMap, FxHashSet};

use super::blocks::{Block, Blocks};
use super::element::Element;
use super::hints::Hints;
use super::layout::{Layout, Measure};
use super::structured::Shingles;
use super::tree::Tree;

/// Receives the features of a block one by one, always in the same order.
pub(super) trait Sink {
    /// Adds a feature with its name and value, which is mostly from 0 to 1.
    fn add(&mut self, name: &'static str, value: f32);

    /// Adds a feature that is either true or false.
    fn flag(&mut self, name: &'static str, value: bool) {
        self.add(name, f32::from(u8::from(value)));
    }
}

/// A block with more prose than this is a landmark for its neighbours.
const LANDMARK_WIDTH: f32 = 40.0;

/// Upper limit for the distance between a block and a landmark, in blocks.
const FAR: usize = 99;

/// The data from which the features of a page's blocks are computed.
#[derive(Debug)]
pub(super) struct Page<'a> {
    tree: &'a Tree,
    blocks: &'a Blocks,
    layout: &'a Layout,
    /// Words of the title, in lower case.
    title: FxHashSet<String>,
    description: Option<Shingles>,
    /// The distance of each block from the landmark before it, in blocks.
    since: Vec<usize>,
    /// The distance of each block from the landmark after it, in blocks.
    until: Vec<usize>,
    /// The first landmark within the top part.
    first: usize,
    /// The last landmark within the top part.
    last: usize,
    /// The first `h1`.
    first_heading: usize,
    /// The part around the heading that repeats the title; 0 if there is none.
    title_scope: u32,
    /// The outermost `article` that contains each node; 0 if there is none.
    articles: Vec<u32>,
    /// The total prose of the blocks of each shape.
    shapes: FxHashMap<Shape, f32>,
    /// How often each text occurs.
    repeats: FxHashMap<&'a str, u32>,
}

/// A kind of position: depth, element, and hints of the element and of its parent.
type Shape = (u32, u8, Hints, Hints);

impl<'a> Page<'a> {
    pub(super) fn new(tree: &'a Tree, blocks: &'a Blocks, layout: &'a Layout) -> Self {
        let title = tree.metadata.article_title();
        let title = title.as_deref().unwrap_or("");
        let count = blocks.blocks.len();
        let is_landmark = |index: &usize| layout.measures[*index].prose > LANDMARK_WIDTH;
        let is_in_top = |index: &usize| {
            is_landmark(index) && Layout::is_within(tree, blocks.blocks[*index].node, layout.top)
        };
        let is_h1 = |block: &Block| tree.element(block.node) == Element::H1;
        let mut page = Self {
            tree,
            blocks,
            layout,
            title: title.split_whitespace().map(str::to_lowercase).collect(),
            description: tree.metadata.description.as_deref().map(Shingles::of_text),
            since: distances(count, 0..count, is_landmark),
            until: distances(count, (0..count).rev(), is_landmark),
            // Without a landmark or heading, no block is before the first or after the last one.
            first: (0..count).find(is_in_top).unwrap_or(0),
            last: (0..count).rfind(is_in_top).unwrap_or(count),
            first_heading: blocks.blocks.iter().position(is_h1).unwrap_or(0),
            title_scope: 0,
            articles: articles(tree),
            shapes: FxHashMap::default(),
            repeats: FxHashMap::default(),
        };
        for (block, measure) in blocks.blocks.iter().zip(&layout.measures) {
            *page.shapes.entry(page.shape(block)).or_default() += measure.prose;
            *page.repeats.entry(&blocks.text[block.start..block.end]).or_default() += 1;
        }
        page.title_scope = page.find_title_scope();
        page
    }

    fn text(&self, block: &Block) -> &'a str {
        &self.blocks.text[block.start..block.end]
    }

    fn parent(&self, node: u32) -> u32 {
        self.tree.nodes[node as usize].parent
    }

    fn shape(&self, block: &Block) -> Shape {
        let node = self.tree.nodes[block.node as usize];
        let parent = self.tree.nodes[node.parent as usize];
        let depth = self.layout.parts[block.node as usize].depth;
        (depth, self.tree.element(block.node) as u8, node.hints, parent.hints)
    }

    /// Whether most words of a block are words of the title.
    fn repeats_title(&self, block: &Block) -> bool {
        let (mut words, mut common) = (0, 0);
        for word in self.text(block).split_whitespace().take(64) {
            words += 1;
            common += usize::from(self.title.contains(&word.to_lowercase()));
        }
        words >= 2 && 4 * common >= 3 * words && 2 * common >= self.title.len()
    }

    fn find_title_scope(&self) -> u32 {
        let is_heading = |block: &&Block| {
            self.tree.element(block.node).is_heading() && self.repeats_title(block)
        };
        let Some(heading) = self.blocks.blocks.iter().find(is_heading) else { return 0 };
        let mut node = heading.node;
        while node != 0 && self.layout.parts[node as usize].prose < 0.1 * self.layout.prose + 200.0
        {
            node = self.parent(node);
        }
        node
    }

    /// Passes the features of a block to a sink.
    pub(super) fn describe(&self, index: usize, sink: &mut impl Sink) {
        let block = &self.blocks.blocks[index];
        let measure = self.layout.measures[index];
        sink.flag("bias", true);
        self.describe_text(block, measure, sink);
        self.describe_element(block, measure, sink);
        self.describe_neighbours(index, sink);
        self.describe_place(index, sink);
        self.describe_ancestors(block, sink);
        self.describe_hints(block, sink);
    }

    fn describe_text(&self, block: &Block, measure: Measure, sink: &mut impl Sink) {
        let text = self.text(block);
        let width = measure.width;
        sink.flag("width < 12", width < 12.0);
        sink.flag("width < 25", (12.0..25.0).contains(&width));
        sink.flag("width < 50", (25.0..50.0).contains(&width));
        sink.flag("width < 100", (50.0..100.0).contains(&width));
        sink.flag("width < 200", (100.0..200.0).contains(&width));
        sink.flag("width < 400", (200.0..400.0).contains(&width));
        sink.flag("width >= 400", width >= 400.0);
        sink.add("link share", measure.link_share);
        sink.flag("link share > 0.5", measure.link_share > 0.5);
        sink.flag("link share > 0.9", measure.link_share > 0.9);
        sink.flag("no link", measure.link_share == 0.0);
        sink.flag("ends a sentence", measure.ends_sentence);
        sink.flag("ends in a colon", text.ends_with(':'));
        sink.flag("a comma", measure.commas == 1);
        sink.flag("commas", measure.commas > 1);
        sink.flag("code", measure.is_code);
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        sink.flag("digits", digits as f32 > 0.2 * width);
        let (mut words, mut capitals) = (0, 0);
        for word in text.split_whitespace() {
            words += 1;
            capitals += usize::from(word.starts_with(char::is_uppercase));
        }
        sink.flag("capital words", 5 * capitals > 3 * words && words > 1);
        let is_upper =
            width > 3.0 && text.contains(char::is_uppercase) && !text.contains(char::is_lowercase);
        sink.flag("capitals", is_upper);
        sink.flag("signs", text.contains(['©', '®', '|', '›', '»', '→']));
        sink.flag("line breaks", !block.is_preformatted && text.contains('\n'));
        sink.flag("repeated", self.repeats.get(text).is_some_and(|count| *count > 1));
        sink.flag("title", width > 15.0 && width < 300.0 && self.repeats_title(block));
        let description = self.description.as_ref().and_then(|shingles| shingles.share_of(text));
        sink.flag("description", description.is_some_and(|share| share > 0.5));
        let body = self.tree.metadata.article_body.as_ref();
        let share = body.map(|shingles| shingles.share_of(text));
        sink.flag("in data", share.is_some_and(|share| share.is_some_and(|share| share > 0.5)));
        sink.flag("not in data", share.is_some_and(|share| share.is_some_and(|s| s < 0.2)));
        sink.flag("short beside data", share.is_some_and(|share| share.is_none()));
    }

    fn describe_element(&self, block: &Block, measure: Measure, sink: &mut impl Sink) {
        let element = self.tree.element(block.node);
        let parent = self.tree.element(self.parent(block.node));
        let is_either = |wanted: Element| element == wanted || parent == wanted;
        let is_in_top = Layout::is_within(self.tree, block.node, self.layout.top);
        let is_item = is_either(Element::Li);
        sink.flag("p", element == Element::P);
        sink.flag("h1", element == Element::H1);
        sink.flag("h2", element == Element::H2);
        let is_small = !matches!(element, Element::H1 | Element::H2) && element.is_heading();
        sink.flag("h3 to h6", is_small);
        sink.flag("item", is_item);
        sink.flag("item of links", is_item && measure.link_share > 0.7);
        sink.flag("cell", is_either(Element::Td) || is_either(Element::Th));
        sink.flag("quotation", is_either(Element::Blockquote));
        sink.flag("figure caption", is_either(Element::Figcaption));
        sink.flag("definition", matches!(element, Element::Dt | Element::Dd));
        sink.flag("preformatted", block.is_preformatted);
        sink.flag("p in top", is_in_top && element == Element::P);
        sink.flag("link in top", is_in_top && measure.link_share > 0.7);
        sink.flag("long in top", is_in_top && measure.width > 100.0);
        sink.flag("short in top", is_in_top && measure.width < 30.0);
        sink.flag("heading in top", is_in_top && element.is_heading());
        sink.flag("item in top", is_in_top && is_item);
        sink.flag("prose elsewhere", !is_in_top && measure.prose > LANDMARK_WIDTH);
    }

    fn describe_neighbours(&self, index: usize, sink: &mut impl Sink) {
        const NAMES: [[&str; 5]; 4] = [
            ["prose -2", "short -2", "link share -2", "none -2", "same parent -2"],
            ["prose -1", "short -1", "link share -1", "none -1", "same parent -1"],
            ["prose +1", "short +1", "link share +1", "none +1", "same parent +1"],
            ["prose +2", "short +2", "link share +2", "none +2", "same parent +2"],
        ];
        const REACH: [(usize, [&str; 3]); 4] = [
            (1, ["prose 1 before", "prose 1 after", "prose 1 around"]),
            (2, ["prose 2 before", "prose 2 after", "prose 2 around"]),
            (4, ["prose 4 before", "prose 4 after", "prose 4 around"]),
            (8, ["prose 8 before", "prose 8 after", "prose 8 around"]),
        ];
        let block = &self.blocks.blocks[index];
        for ([prose, short, link, none, same], offset) in NAMES.into_iter().zip([-2, -1, 1, 2]) {
            let other = index.checked_add_signed(offset).filter(|at| *at < self.since.len());
            // Beyond both ends of the page all measures are 0.
            let measure = other.map_or(Measure::default(), |at| self.layout.measures[at]);
            sink.flag(prose, measure.prose > LANDMARK_WIDTH);
            sink.flag(short, measure.width < 40.0);
            sink.add(link, measure.link_share);
            sink.flag(none, other.is_none());
            let node = other.map(|at| self.blocks.blocks[at].node);
            let is_same = |node| node == block.node || self.parent(node) == self.parent(block.node);
            sink.flag(same, node.is_some_and(is_same));
        }
        let (since, until) = (self.since[index], self.until[index]);
        for (reach, [before, after, around]) in REACH {
            sink.flag(before, since <= reach);
            sink.flag(after, until <= reach);
            sink.flag(around, since <= reach && until <= reach);
        }
    }

    fn describe_place(&self, index: usize, sink: &mut impl Sink) {
        let block = &self.blocks.blocks[index];
        let top = self.layout.top;
        let is_within = |root: u32| Layout::is_within(self.tree, block.node, root);
        let is_in_top = is_within(top);
        sink.flag("top", is_in_top);
        sink.flag("parent of top", is_within(self.parent(top)));
        sink.flag("grandparent of top", is_within(self.parent(self.parent(top))));
        let [half, most, nearly_all] = self.layout.holders;
        sink.flag("half of the prose", is_within(half));
        sink.flag("most of the prose", is_within(most));
        sink.flag("nearly all of the prose", is_within(nearly_all));
        sink.flag("directly in top", block.node == top || self.parent(block.node) == top);
        sink.flag("before the first", index < self.first);
        sink.flag("after the last", index > self.last);
        sink.flag("before the first in top", is_in_top && index < self.first);
        sink.flag("after the last in top", is_in_top && index > self.last);
        sink.flag("before h1", index < self.first_heading);
        sink.flag("title scope", self.title_scope != 0 && is_within(self.title_scope));
        sink.flag("beyond title scope", self.title_scope != 0 && !is_within(self.title_scope));
        let article = self.articles[block.node as usize];
        let top_article = self.articles[top as usize];
        sink.flag("article", article != 0);
        sink.flag("article of top", article != 0 && article == top_article);
        sink.flag("beside article of top", top_article != 0 && article != top_article);
        let position = index as f32 / self.since.len() as f32;
        sink.flag("first tenth", position < 0.1);
        sink.flag("last third", position > 0.67);
        sink.flag("last tenth", position > 0.9);
    }

    fn describe_ancestors(&self, block: &Block, sink: &mut impl Sink) {
        const NAMES: [[&str; 3]; 4] = [
            ["prose of block", "links of block", "sparse block"],
            ["prose of parent", "links of parent", "sparse parent"],
            ["prose of grandparent", "links of grandparent", "sparse grandparent"],
            [
                "prose of great-grandparent",
                "links of great-grandparent",
                "sparse great-grandparent",
            ],
        ];
        let mut node = block.node;
        for [prose, links, sparse] in NAMES {
            let part = self.layout.parts[node as usize];
            sink.add(prose, (part.prose / self.layout.prose).sqrt());
            sink.add(links, part.link_width / part.width.max(1.0));
            sink.flag(sparse, part.prose < 0.3 * part.width);
            node = self.parent(node);
        }
        let alike = self.shapes.get(&self.shape(block)).map_or(0.0, |prose| *prose);
        sink.add("prose of places alike", (alike / self.layout.prose).sqrt());
    }

    fn describe_hints(&self, block: &Block, sink: &mut impl Sink) {
        let part = |node: u32| self.layout.parts[node as usize];
        let parent = self.parent(block.node);
        let near = part(block.leaf).own.union(part(block.node).own).union(part(parent).own);
        let all = part(block.leaf).all.union(part(block.node).all);
        let is_in_top = Layout::is_within(self.tree, block.node, self.layout.top);
        let inner = all.without(part(self.layout.top).all).union(near);
        for (hint, [near_name, all_name, inner_name]) in Hints::NAMES {
            sink.flag(near_name, near.contains(hint));
            sink.flag(all_name, all.contains(hint));
            sink.flag(inner_name, is_in_top && inner.contains(hint));
        }
        let aside = all.and(Hints::ASIDE).without(Hints::MEDIA.union(Hints::TITLE)).count();
        sink.flag("no hint", aside == 0);
        sink.flag("two hints", aside >= 2);
        sink.flag("three hints", aside >= 3);
    }
}

/// The distance of each block from the last landmark that precedes it in an order of blocks.
fn distances(
    count: usize,
    order: impl Iterator<Item = usize>,
    is_landmark: impl Fn(&usize) -> bool,
) -> Vec<usize> {
    let mut distances = vec![FAR; count];
    let mut distance = FAR;
    for index in order {
        distance = (distance + 1).min(FAR);
        distances[index] = distance;
        if is_landmark(&index) {
            distance = 0;
        }
    }
    distances
}

/// The outermost `article` that contains each node; 0 if there is none.
fn articles(tree: &Tree) -> Vec<u32> {
    let mut articles = vec![0; tree.nodes.len()];
    for index in 1..tree.nodes.len() {
        let outer = articles[tree.nodes[index].parent as usize];
        let is_article = outer == 0 && tree.element(index as u32) == Element::Article;
        articles[index] = if is_article { index as u32 } else { outer };
    }
    articles
}
