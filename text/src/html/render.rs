//! Writes blocks as plain text.

use super::blocks::{Block, Blocks};
use super::element::Element;
use super::tree::{Kind, Tree};

/// Separates the cells of a row.
const CELL_SEPARATOR: &str = " | ";

/// The position of a block in lists and tables: nodes of the tree.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// The innermost list item; 0 if there is none.
    item: u32,
    /// The innermost table cell; 0 if there is none.
    cell: u32,
    /// The innermost table row; 0 if there is none.
    row: u32,
}

/// Writes the kept blocks: paragraphs separated by a blank line, and each list item and each table
/// row on its own line.
pub(super) fn render(tree: &Tree, blocks: &Blocks, kept: &[bool]) -> String {
    let chosen: Vec<&Block> =
        blocks.blocks.iter().zip(kept).filter(|(_, kept)| **kept).map(|(block, _)| block).collect();
    let mut places: Vec<Place> = chosen.iter().map(|block| place(tree, block.node)).collect();
    forget_layout_rows(&mut places);
    let mut out =
        String::with_capacity(chosen.iter().map(|block| block.end - block.start + 4).sum());
    let mut before: Option<Place> = None;
    for (block, place) in chosen.iter().zip(places) {
        if let Some(before) = before {
            out.push_str(separator(before, place));
        }
        // Nodes are numbered in page order: a larger number is a new item, a smaller one the rest
        // of an outer item after a nested list.
        if place.item != 0 && before.is_none_or(|before| before.item < place.item) {
            out.push_str("- ");
        }
        push_lines(&mut out, &blocks.text[block.start..block.end], block.is_preformatted);
        before = Some(place);
    }
    out
}

fn separator(before: Place, place: Place) -> &'static str {
    if place.row != 0 && before.row == place.row {
        CELL_SEPARATOR
    } else if (place.row != 0 && before.row != 0)
        || (place.item != 0 && before.item != 0 && before.item != place.item)
    {
        "\n"
    } else {
        "\n\n"
    }
}

/// Finds the position of a block from its ancestors, up to the innermost table.
fn place(tree: &Tree, node: u32) -> Place {
    let mut place = Place::default();
    let mut at = node;
    while at != 0 {
        if let Kind::Element(element) = tree.nodes[at as usize].kind {
            match element {
                Element::Li if place.item == 0 && place.cell == 0 => place.item = at,
                Element::Td | Element::Th if place.cell == 0 => place.cell = at,
                Element::Tr if place.row == 0 => place.row = at,
                Element::Table => break,
                _ => {}
            }
        }
        at = tree.nodes[at as usize].parent;
    }
    if place.cell == 0 {
        place.row = 0;
    }
    place
}

/// Rows with several blocks in one cell serve the layout of the page: their blocks become
/// paragraphs.
fn forget_layout_rows(places: &mut [Place]) {
    let mut start = 0;
    while start < places.len() {
        let row = places[start].row;
        let length = places[start..].iter().take_while(|place| place.row == row).count();
        let run = &mut places[start..start + length];
        if row != 0 && run.windows(2).any(|pair| pair[0].cell == pair[1].cell) {
            run.iter_mut().for_each(|place| place.row = 0);
        }
        start += length;
    }
}

/// Appends a text without spaces at the ends of its lines.
fn push_lines(out: &mut String, text: &str, is_preformatted: bool) {
    if !is_preformatted {
        out.push_str(text);
        return;
    }
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(line.trim_end());
    }
}
