//! Taking passages out of a text, so that what is left reads on.

use std::borrow::Cow;
use std::ops::Range;

use text::words::words;

/// The text without the spans, which ascend, do not overlap and end at words as those of
/// [`Substrings::spans`](super::Substrings::spans) do.
///
/// What is left is left as it is, but for the seams:
/// - marks that stand at a passage's first or last word, with white space on their other side, go
///   with it (the full stop at its end);
/// - of the white space on the two sides of a seam the side with more line ends stays; a text that
///   loses its start begins with a word or mark, and one that loses its end ends as it did;
/// - where two words would grow together, a space is put between them.
///
/// So the words of the result are the words outside the spans.
pub fn remove_spans<'a>(text: &'a str, spans: &[Range<usize>]) -> Cow<'a, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut kept_from = 0;
    for span in spans {
        let span = with_marks(text, span, kept_from);
        let piece = &text[kept_from..span.start];
        if kept_from == 0 {
            out.push_str(piece);
        } else {
            join(&mut out, piece);
        }
        kept_from = span.end;
    }
    let end = &text[kept_from..];
    if end.trim_start().is_empty() {
        out.truncate(out.trim_end().len());
    }
    join(&mut out, end);
    Cow::Owned(out)
}

/// The span with the marks that touch it and nothing else.
fn with_marks(text: &str, span: &Range<usize>, kept_from: usize) -> Range<usize> {
    let is_mark = |c: char| !c.is_whitespace() && !c.is_alphanumeric();
    let is_free = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let rest = text[kept_from..span.start].trim_end_matches(is_mark);
    let start = if is_free(rest.chars().next_back()) { kept_from + rest.len() } else { span.start };
    let rest = text[span.end..].trim_start_matches(is_mark);
    let end = if is_free(rest.chars().next()) { text.len() - rest.len() } else { span.end };
    start..end
}

/// Appends a kept piece behind a seam.
fn join(out: &mut String, piece: &str) {
    let left = out.trim_end().len();
    let right = piece.trim_start();
    let before = &out[left..];
    let after = &piece[..piece.len() - right.len()];
    if left == 0 {
        out.clear();
        out.push_str(right);
    } else if before.is_empty() && after.is_empty() {
        if grow_together(out, piece) {
            out.push(' ');
        }
        out.push_str(piece);
    } else if before.is_empty() || line_ends(after) > line_ends(before) {
        out.truncate(left);
        out.push_str(piece);
    } else {
        out.push_str(right);
    }
}

fn line_ends(space: &str) -> usize {
    space.bytes().filter(|&byte| byte == b'\n').count()
}

/// Whether the last word of `left` and the first of `right` would be one.
fn grow_together(left: &str, right: &str) -> bool {
    // An apostrophe binds only with a letter on either side: two characters are enough.
    let mut tail: Vec<char> = left.chars().rev().take(2).collect();
    tail.reverse();
    let left: String = tail.into_iter().collect();
    let right: String = right.chars().take(2).collect();
    let apart = words(&left).count() + words(&right).count();
    words(&(left + &right)).count() < apart
}
