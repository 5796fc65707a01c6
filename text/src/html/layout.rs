//! Locates the prose of a page by sums over its tree.

use super::blocks::{Block, Blocks};
use super::element::Element;
use super::hints::Hints;
use super::tree::{Kind, Tree};

/// A text of at least this width is prose even if it does not end with a sentence.
const PROSE_WIDTH: f32 = 80.0;

/// A text of at least this width is prose if it ends with a sentence.
const SENTENCE_WIDTH: f32 = 40.0;

/// A text with at least this share of links is not prose.
const MAX_PROSE_LINK_SHARE: f32 = 0.4;

/// Weight of prose in parts whose hints say that it does not belong to the article.
const FOREIGN_WEIGHT: f32 = 0.1;

/// A part with more than this share of the prose is a frame around everything, whatever its hints.
const FRAME_SHARE: f32 = 0.5;

/// Measures of the text of a block alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measure {
    /// Number of characters; those of scripts written without spaces count twice.
    pub width: f32,
    /// Share of the text in links, 0 to 1.
    pub link_share: f32,
    pub ends_sentence: bool,
    pub commas: u32,
    /// Whether the text looks like JSON or other program data.
    pub is_code: bool,
    /// Width of the text outside links if it is prose, else 0; a tenth of it in foreign parts.
    pub prose: f32,
}

/// Sums over the subtree of a node, and hints from its ancestors.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub width: f32,
    pub link_width: f32,
    pub prose: f32,
    /// A score for prose shortly below the node, like Readability's.
    score: f32,
    pub depth: u32,
    /// Hints of the element; without [`Hints::ASIDE`] if it is a frame around everything.
    pub own: Hints,
    /// Hints of the element and its ancestors.
    pub all: Hints,
}

/// The sums of a page.
#[derive(Debug)]
pub(super) struct Layout {
    pub parts: Vec<Part>,
    pub measures: Vec<Measure>,
    /// Width of all prose, at least 1.
    pub prose: f32,
    /// The part with the best score.
    pub top: u32,
    /// The innermost parts that contain 50 %, 70 % and 90 % of the prose.
    pub holders: [u32; 3],
}

impl Layout {
    pub(super) fn new(tree: &Tree, blocks: &Blocks) -> Self {
        let measures = blocks.blocks.iter().map(|block| measure(blocks, block)).collect();
        let parts = vec![Part::default(); tree.nodes.len()];
        let mut layout = Self { parts, measures, prose: 1.0, top: 0, holders: [0; 3] };
        for (block, measure) in blocks.blocks.iter().zip(&layout.measures) {
            let part = &mut layout.parts[block.node as usize];
            part.width += measure.width;
            part.link_width += measure.width * measure.link_share;
            part.prose += measure.prose;
        }
        layout.add_up(tree);
        layout.inherit_hints(tree);
        layout.weigh_prose(tree, blocks);
        layout.find_holders(tree);
        layout
    }

    /// Whether a node lies in the subtree of another.
    pub(super) fn is_within(tree: &Tree, node: u32, root: u32) -> bool {
        node >= root && node < tree.nodes[root as usize].end
    }

    /// Adds the sums of each node to those of its parent. A parent comes before its children, so a
    /// loop from the end is enough.
    fn add_up(&mut self, tree: &Tree) {
        for index in (1..self.parts.len()).rev() {
            let Part { width, link_width, prose, .. } = self.parts[index];
            let parent = &mut self.parts[tree.nodes[index].parent as usize];
            parent.width += width;
            parent.link_width += link_width;
            parent.prose += prose;
        }
    }

    fn inherit_hints(&mut self, tree: &Tree) {
        let frame = FRAME_SHARE * self.parts[0].prose.max(1.0);
        for index in 0..self.parts.len() {
            let parent = self.parts[tree.nodes[index].parent as usize];
            let part = &mut self.parts[index];
            part.own = tree.nodes[index].hints;
            if part.prose > frame {
                part.own = part.own.without(Hints::ASIDE);
            }
            part.all = parent.all.union(part.own);
            part.depth = if index == 0 { 0 } else { parent.depth + 1 };
        }
    }

    /// Sums the prose again with less weight in foreign parts, and computes the scores of all parts
    /// (as in Arc90's Readability: a paragraph adds to the score of its parent, and half or less of
    /// that to the nodes above it).
    fn weigh_prose(&mut self, tree: &Tree, blocks: &Blocks) {
        self.parts.iter_mut().for_each(|part| part.prose = 0.0);
        for (block, measure) in blocks.blocks.iter().zip(&mut self.measures) {
            let all =
                self.parts[block.leaf as usize].all.union(self.parts[block.node as usize].all);
            let weight = if all.intersects(Hints::FOREIGN) { FOREIGN_WEIGHT } else { 1.0 };
            measure.prose *= weight;
            self.parts[block.node as usize].prose += measure.prose;
            if measure.width < 25.0 || measure.link_share >= 0.5 || measure.is_code {
                continue;
            }
            // Readability's points: one for the paragraph, one per comma, and one per 100
            // characters up to three.
            let score = weight * (1.0 + measure.commas as f32 + (measure.width / 100.0).min(3.0));
            let mut node = block.node;
            if is_paragraph(tree.element(node)) {
                node = tree.nodes[node as usize].parent;
            }
            // Also from Readability: the parent gets all points, the grandparent half of them, and
            // the nodes above it the points divided by three times their level.
            for divisor in [1.0, 2.0, 6.0, 9.0] {
                self.parts[node as usize].score += score / divisor;
                if node == 0 {
                    break;
                }
                node = tree.nodes[node as usize].parent;
            }
        }
        for index in (1..self.parts.len()).rev() {
            self.parts[tree.nodes[index].parent as usize].prose += self.parts[index].prose;
        }
        self.prose = self.parts[0].prose.max(1.0);
    }

    /// Finds the part with the best score, and the parts that contain most of the prose.
    fn find_holders(&mut self, tree: &Tree) {
        let mut best = 0.0;
        for (index, part) in self.parts.iter().enumerate() {
            let bonus = if part.own.contains(Hints::BODY) { 1.3 } else { 1.0 };
            let score = part.score * (1.0 - part.link_width / part.width.max(1.0)) * bonus;
            if score > best {
                best = score;
                self.top = index as u32;
            }
            if !matches!(tree.nodes[index].kind, Kind::Element(_)) {
                continue;
            }
            for (holder, share) in self.holders.iter_mut().zip([0.5, 0.7, 0.9]) {
                // Nodes are in page order, so the last one with enough prose is the innermost.
                if part.prose >= share * self.prose {
                    *holder = index as u32;
                }
            }
        }
    }
}

/// Whether an element is a piece of text rather than a container.
fn is_paragraph(element: Element) -> bool {
    element.is_heading()
        || matches!(
            element,
            Element::P | Element::Li | Element::Td | Element::Pre | Element::Blockquote
        )
}

fn measure(blocks: &Blocks, block: &Block) -> Measure {
    let text = &blocks.text[block.start..block.end];
    let (mut width, mut commas, mut code_signs) = (0.0, 0, 0);
    for byte in text.bytes() {
        width += match byte {
            0x80..=0xBF => 0.0,
            // First bytes of characters from U+3000 on: scripts written without spaces.
            0xE3.. => 2.0,
            _ => 1.0,
        };
        commas += u32::from(matches!(byte, b',' | b';'));
        code_signs += u32::from(matches!(byte, b'{' | b'}' | b'"' | b'\\' | b'=' | b'<'));
    }
    if !text.is_ascii() {
        commas += text.matches(['、', '，', '،', '；']).count() as u32;
    }
    let last = text.trim_end_matches(['"', '\'', '”', '’', ')', '»', ']', '」', '』', ' ']);
    let ends_sentence = last.ends_with(['.', '!', '?', '。', '！', '？', '…', '।', '؟', '۔', '։']);
    let link_share = (block.link_bytes as f32 / text.len().max(1) as f32).min(1.0);
    let is_code =
        !block.is_preformatted && text.contains("\":") && code_signs as f32 > 0.05 * width;
    let is_prose = link_share < MAX_PROSE_LINK_SHARE
        && !is_code
        && (width >= PROSE_WIDTH || (width >= SENTENCE_WIDTH && ends_sentence));
    let prose = if is_prose { width * (1.0 - link_share) } else { 0.0 };
    Measure { width, link_share, ends_sentence, commas, is_code, prose }
}
