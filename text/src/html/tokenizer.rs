//! Splits a page into tags and texts (HTML Standard §13.2.5, without its error reports).
//!
//! A single pass looks at each byte a bounded number of times. If a quotation mark is never closed,
//! the standard skips the rest of the page; here the tag ends at the next `>` instead.

use memchr::{memchr, memmem};

use super::element::{ELEMENTS, Element};

/// A piece of a page. Positions are byte offsets in the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// Text; its character references are not resolved.
    Text { start: usize, end: usize },
    /// A start tag; its attributes are in [`Tokenizer::attributes`]. If the content of the element
    /// is not parsed ([`Element::is_raw_text`]), `content` is the range of the content, and the end
    /// tag is skipped, too.
    Start { element: Element, content: Option<(usize, usize)> },
    /// An end tag.
    End { element: Element },
}

/// The relevant attributes of the last start tag; missing ones are empty.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attributes<'a> {
    pub class: &'a str,
    pub id: &'a str,
    pub role: &'a str,
    pub itemprop: &'a str,
    pub style: &'a str,
    pub name: &'a str,
    pub property: &'a str,
    pub content: &'a str,
    pub aria_hidden: &'a str,
    pub is_hidden: bool,
    pub has_href: bool,
}

/// Reads a page from start to end.
#[derive(Debug)]
pub(super) struct Tokenizer<'a> {
    html: &'a str,
    position: usize,
    pub attributes: Attributes<'a>,
    /// Whether a quotation mark (double, single) is known not to occur after the position. Without
    /// this, a page of unclosed quotation marks would take quadratic time.
    is_quote_used_up: [bool; 2],
    /// Likewise for the end tag of each element.
    is_end_used_up: [bool; ELEMENTS],
}

impl<'a> Tokenizer<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self {
            html,
            position: 0,
            attributes: Attributes::default(),
            is_quote_used_up: [false; 2],
            is_end_used_up: [false; ELEMENTS],
        }
    }

    /// Reads the next piece; `None` at the end of the page.
    pub(super) fn next_token(&mut self) -> Option<Token> {
        let bytes = self.html.as_bytes();
        while self.position < bytes.len() {
            let start = self.position;
            if bytes[start] != b'<' {
                self.position = find(bytes, start, b'<');
                return Some(Token::Text { start, end: self.position });
            }
            match bytes.get(start + 1) {
                Some(byte) if byte.is_ascii_alphabetic() => return Some(self.read_start_tag()),
                Some(b'/') if bytes.get(start + 2).is_some_and(u8::is_ascii_alphabetic) => {
                    self.position = start + 2;
                    let (element, _) = self.read_tag();
                    return Some(Token::End { element });
                }
                Some(b'!') => self.skip_declaration(),
                Some(b'?' | b'/') => self.position = find(bytes, start, b'>') + 1,
                _ => {
                    // Not a tag, as in `a < b`.
                    self.position = find(bytes, start + 1, b'<');
                    return Some(Token::Text { start, end: self.position });
                }
            }
        }
        None
    }

    /// Skips a comment, a document type or a CDATA section at the position.
    fn skip_declaration(&mut self) {
        let bytes = self.html.as_bytes();
        let rest = &bytes[self.position..];
        if rest.starts_with(b"<!-->") || rest.starts_with(b"<!--->") {
            self.position += find(rest, 0, b'>') + 1;
        } else if rest.starts_with(b"<!--") {
            // An unclosed comment hides the rest of the page, as in a browser.
            let mut from = 4;
            while let Some(at) = memmem::find(&rest[from..], b"--") {
                from += at + 2;
                let end = &rest[from..];
                if end.starts_with(b">") || end.starts_with(b"!>") {
                    self.position += find(rest, from, b'>') + 1;
                    return;
                }
                // The second hyphen may be the first one of the next pair.
                from -= 1;
            }
            self.position = bytes.len();
        } else {
            self.position = (find(bytes, self.position, b'>') + 1).min(bytes.len());
        }
    }

    fn read_start_tag(&mut self) -> Token {
        self.position += 1;
        self.attributes = Attributes::default();
        let (element, is_closed) = self.read_tag();
        let mut content = None;
        // `/>` closes an `svg`, but HTML ignores it on all other elements.
        if element.is_raw_text() && !(is_closed && element == Element::Svg) {
            content = self.read_raw_text(element);
        }
        Token::Start { element, content }
    }

    /// Reads a tag from its name to its `>`; also returns whether it ends in `/>`.
    fn read_tag(&mut self) -> (Element, bool) {
        let bytes = self.html.as_bytes();
        let start = self.position;
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        let length = bytes[start..].iter().position(is_end).unwrap_or(bytes.len() - start);
        let element = Element::from_name(&bytes[start..start + length]);
        let mut at = start + length;
        let mut is_closed = false;
        loop {
            while bytes.get(at).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'/') {
                is_closed = bytes[at] == b'/';
                at += 1;
            }
            match bytes.get(at) {
                None => break,
                Some(b'>') => {
                    at += 1;
                    break;
                }
                Some(_) => at = self.read_attribute(at),
            }
        }
        self.position = at;
        (element, is_closed)
    }

    /// Reads the attribute at a position; returns the position after it.
    fn read_attribute(&mut self, start: usize) -> usize {
        let bytes = self.html.as_bytes();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=');
        // A name may begin with `=`, so that every attribute takes at least one byte.
        let length = bytes[start + 1..].iter().position(is_end).unwrap_or(bytes.len() - start - 1);
        let name = start..start + 1 + length;
        let mut at = skip_spaces(bytes, name.end);
        if bytes.get(at) != Some(&b'=') {
            self.keep_attribute(name, 0..0);
            return at;
        }
        at = skip_spaces(bytes, at + 1);
        let quote = match bytes.get(at) {
            Some(b'"') => Some((b'"', 0)),
            Some(b'\'') => Some((b'\'', 1)),
            _ => None,
        };
        if let Some((mark, index)) = quote
            && !self.is_quote_used_up[index]
        {
            if let Some(length) = memchr(mark, &bytes[at + 1..]) {
                let end = at + 1 + length;
                self.keep_attribute(name, at + 1..end);
                return end + 1;
            }
            self.is_quote_used_up[index] = true;
        }
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
        let length = bytes[at..].iter().position(is_end).unwrap_or(bytes.len() - at);
        self.keep_attribute(name, at..at + length);
        at + length
    }

    fn keep_attribute(&mut self, name: std::ops::Range<usize>, value: std::ops::Range<usize>) {
        let name = &self.html.as_bytes()[name];
        let value = &self.html[value];
        let attributes = &mut self.attributes;
        // Comparing one name after the other is fast: most lengths differ already.
        if name.eq_ignore_ascii_case(b"class") {
            attributes.class = value;
        } else if name.eq_ignore_ascii_case(b"id") {
            attributes.id = value;
        } else if name.eq_ignore_ascii_case(b"href") {
            attributes.has_href = true;
        } else if name.eq_ignore_ascii_case(b"style") {
            attributes.style = value;
        } else if name.eq_ignore_ascii_case(b"role") {
            attributes.role = value;
        } else if name.eq_ignore_ascii_case(b"itemprop") {
            attributes.itemprop = value;
        } else if name.eq_ignore_ascii_case(b"hidden") {
            attributes.is_hidden = true;
        } else if name.eq_ignore_ascii_case(b"aria-hidden") {
            attributes.aria_hidden = value;
        } else if name.eq_ignore_ascii_case(b"name") {
            attributes.name = value;
        } else if name.eq_ignore_ascii_case(b"property") {
            attributes.property = value;
        } else if name.eq_ignore_ascii_case(b"content") {
            attributes.content = value;
        }
    }

    /// Skips the content of an element and its end tag, and returns the range of the content.
    /// `None` if there is no end tag: then the content is parsed, except that of a script or style,
    /// which extends to the end of the page.
    fn read_raw_text(&mut self, element: Element) -> Option<(usize, usize)> {
        if self.is_end_used_up[element as usize] {
            return None;
        }
        let bytes = self.html.as_bytes();
        let start = self.position;
        let mut end = self.find_end_tag(element, start);
        if element == Element::Script
            && let Some(first) = end
            && hides_a_script(&bytes[start..first])
        {
            // A script inside a comment inside a script (the standard's "script data double
            // escaped" state) has its own end tag.
            end = self.find_end_tag(element, first + 2).or(end);
        }
        let Some(end) = end else {
            self.is_end_used_up[element as usize] = true;
            if matches!(element, Element::Script | Element::Style) {
                // Text cannot be distinguished from code here.
                self.position = bytes.len();
            }
            return None;
        };
        self.position = (find(bytes, end, b'>') + 1).min(bytes.len());
        Some((start, end))
    }

    fn find_end_tag(&self, element: Element, from: usize) -> Option<usize> {
        let bytes = self.html.as_bytes();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        memmem::find_iter(&bytes[from..], b"</").map(|at| from + at).find(|at| {
            let name = &bytes[at + 2..bytes.len().min(at + 2 + MAX_RAW_NAME_BYTES + 1)];
            let length = name.iter().position(is_end).unwrap_or(name.len());
            Element::from_name(&name[..length]) == element
        })
    }
}

/// Length of the longest name in bytes among elements whose content is not parsed.
const MAX_RAW_NAME_BYTES: usize = "textarea".len();

/// Whether a script contains an unclosed comment with the start of another script in it.
fn hides_a_script(script: &[u8]) -> bool {
    let Some(comment) = memmem::rfind(script, b"<!--") else { return false };
    let comment = &script[comment..];
    memmem::find(comment, b"-->").is_none()
        && memmem::find_iter(comment, b"<").any(|at| {
            let name = comment.get(at + 1..at + 1 + "script".len());
            name.is_some_and(|name| name.eq_ignore_ascii_case(b"script"))
        })
}

/// The position of the first `byte` at or after `from`; the length if there is none.
fn find(bytes: &[u8], from: usize, byte: u8) -> usize {
    memchr(byte, &bytes[from..]).map_or(bytes.len(), |at| from + at)
}

fn skip_spaces(bytes: &[u8], from: usize) -> usize {
    let spaces = bytes[from..].iter().position(|byte| !byte.is_ascii_whitespace());
    spaces.map_or(bytes.len(), |length| from + length)
}
