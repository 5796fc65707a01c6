//! A scan of a page's tags, before a tree is made of it, that bounds the tree.
//!
//! An HTML parser never refuses: 100,000 nested elements become a tree of that depth, at a cost
//! that grows with the square of it, and each paragraph that follows n unclosed `<b>` gets n
//! elements of its own. The scan follows the parser's rules for what is open (HTML Standard
//! §13.2.6) closely enough to refuse such pages; it need not be exact, as real pages are far below
//! the bounds.

use memchr::{memchr, memmem};
use xxhash_rust::xxh3::xxh3_64;

/// Open elements at once at most: the depth at which Chromium's parser stops nesting.
const MAX_OPEN_ELEMENTS: usize = 512;

/// Elements of the tree at most, counting those that unclosed formatting elements add.
const MAX_ELEMENTS: usize = 500_000;

/// Bytes of a tag by which it is told from others, so that tags without end cost no more.
const MAX_TAG_BYTES: usize = 256;

/// The name of an element in lower case, its first 16 bytes as a number.
type Name = u128;

/// Elements without content, or whose end tag may be left out and which then do not nest.
const NEVER_NESTING: [Name; 33] = names([
    "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "frame", "head", "hr",
    "html", "img", "input", "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt",
    "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr",
]);

/// Formatting elements: when one is not closed, each block that follows opens it anew.
const FORMATTING: [Name; 14] = names([
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
]);

/// Elements whose content is text, in which `<` opens nothing.
const RAW_TEXT: [Name; 9] = names([
    "iframe",
    "noembed",
    "noframes",
    "plaintext",
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
]);

/// Elements that only the end tag of a block closes past: the commonest of the standard's special
/// elements.
const BLOCKS: [Name; 20] = names([
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "div",
    "dl",
    "fieldset",
    "figure",
    "footer",
    "form",
    "header",
    "main",
    "nav",
    "ol",
    "pre",
    "section",
    "table",
    "ul",
]);

const LINK: Name = name(b"a");
const TABLE: Name = name(b"table");

/// Equal formatting tags that stay in force (the standard's "Noah's Ark clause").
const MAX_EQUAL_TAGS: usize = 3;

/// What is open at a place of a page.
#[derive(Debug, Default)]
struct Scan {
    /// Elements that are open, outermost first.
    open: Vec<Name>,
    /// Formatting elements in force, with a hash of the tag and its attributes.
    formatting: Vec<(Name, u64)>,
    /// Elements of the tree so far.
    elements: usize,
}

/// Whether the tree of a page would stay within the bounds.
pub(super) fn are_kept(html: &str) -> bool {
    let bytes = html.as_bytes();
    let mut scan = Scan::default();
    let mut position = 0;
    while let Some(at) = memchr(b'<', &bytes[position..]) {
        position += at + 1;
        let rest = &bytes[position..];
        if rest.starts_with(b"!--") {
            position += memmem::find(rest, b"-->").unwrap_or(rest.len());
            continue;
        }
        let is_end = rest.first() == Some(&b'/');
        let tag = &rest[usize::from(is_end)..];
        let length = name_length(tag);
        let name = name(&tag[..length]);
        if length == 0 {
            continue;
        }
        position += length;
        if is_end {
            scan.close(name);
        } else if RAW_TEXT.contains(&name) {
            scan.elements += 1;
            position += raw_text_length(&bytes[position..], &tag[..length]);
        } else {
            let tag = &tag[..tag.len().min(MAX_TAG_BYTES)];
            let end = memchr(b'>', tag).unwrap_or(tag.len());
            scan.open(name, &tag[..end]);
        }
        if scan.open.len() > MAX_OPEN_ELEMENTS || scan.elements > MAX_ELEMENTS {
            return false;
        }
    }
    true
}

impl Scan {
    fn open(&mut self, name: Name, tag: &[u8]) {
        self.elements += 1 + self.formatting.len();
        if NEVER_NESTING.contains(&name) {
            return;
        }
        if FORMATTING.contains(&name) {
            if name == LINK {
                // A link closes the link that is open.
                self.close(name);
            }
            let entry = (name, xxh3_64(tag));
            let equal = self.formatting.iter().filter(|other| **other == entry).count();
            if equal >= MAX_EQUAL_TAGS
                && let Some(first) = self.formatting.iter().position(|other| *other == entry)
            {
                self.formatting.remove(first);
            }
            self.formatting.push(entry);
        }
        self.open.push(name);
    }

    /// Closes the nearest open element of a name as its end tag does.
    fn close(&mut self, name: Name) {
        let nearest = self.open.iter().rposition(|element| *element == name);
        if FORMATTING.contains(&name) {
            if let Some(entry) = self.formatting.iter().rposition(|(other, _)| *other == name) {
                self.formatting.remove(entry);
            }
            // The elements inside stay open (the standard's adoption agency).
            if let Some(nearest) = nearest {
                self.open.remove(nearest);
            }
            return;
        }
        let Some(nearest) = nearest else { return };
        let is_stopped = |element: &Name| {
            if BLOCKS.contains(&name) { *element == TABLE } else { BLOCKS.contains(element) }
        };
        if !self.open[nearest + 1..].iter().any(is_stopped) {
            self.open.truncate(nearest);
        }
    }
}

/// Bytes of the element's name that a slice starts with.
fn name_length(bytes: &[u8]) -> usize {
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
    bytes.iter().position(is_end).unwrap_or(bytes.len())
}

const fn name(bytes: &[u8]) -> Name {
    let mut name = 0;
    let mut at = 0;
    while at < bytes.len() && at < 16 {
        name = name << 8 | bytes[at].to_ascii_lowercase() as Name;
        at += 1;
    }
    name
}

const fn names<const N: usize>(names: [&str; N]) -> [Name; N] {
    let mut packed = [0; N];
    let mut at = 0;
    while at < N {
        packed[at] = name(names[at].as_bytes());
        at += 1;
    }
    packed
}

/// Bytes up to the end tag of an element whose content is text.
fn raw_text_length(bytes: &[u8], name: &[u8]) -> usize {
    let mut from = 0;
    while let Some(at) = memmem::find(&bytes[from..], b"</") {
        from += at;
        let end = bytes.get(from + 2..from + 2 + name.len());
        if end.is_some_and(|end| end.eq_ignore_ascii_case(name)) {
            return from;
        }
        from += 2;
    }
    bytes.len()
}
