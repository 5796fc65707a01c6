//! Removes passages from a text, so that the rest stays readable.

use std::borrow::Cow;
use std::ops::Range;

use text::words::words;

/// Returns the text without the spans. They must be ascending, must not overlap, and must begin and
/// end at words, as those of [`Substrings::spans`](super::Substrings::spans) do.
///
/// The rest is unchanged, except at the seams:
/// - Punctuation directly before the first or after the last word of a passage, with white space on
///   its other side, is removed with the passage, such as the full stop at its end.
/// - Of the white space on the two sides of a seam, the side with more line ends is kept. A text
///   that loses its beginning begins with a word or punctuation; one that loses its end keeps the
///   white space at its end.
/// - A space is inserted where two words would otherwise become one.
///
/// So the words of the result are the words outside the spans.
///
/// ```
/// let text = "First. Subscribe to our letter! Last.";
/// assert_eq!(dedup::substrings::remove_spans(text, &[7..30]), "First. Last.");
/// ```
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

/// Extends a span by the punctuation directly before and after it, if white space or the end of the
/// text follows on the other side.
fn with_marks(text: &str, span: &Range<usize>, kept_from: usize) -> Range<usize> {
    let is_mark = |c: char| !c.is_whitespace() && !c.is_alphanumeric();
    let is_free = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let rest = text[kept_from..span.start].trim_end_matches(is_mark);
    let start = if is_free(rest.chars().next_back()) { kept_from + rest.len() } else { span.start };
    let rest = text[span.end..].trim_start_matches(is_mark);
    let end = if is_free(rest.chars().next()) { text.len() - rest.len() } else { span.end };
    start..end
}

/// Appends a kept piece after a seam.
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

/// True if the last word of `left` and the first word of `right` would become one word.
fn grow_together(left: &str, right: &str) -> bool {
    // Two characters of each side are enough: an apostrophe joins only letters directly beside it.
    let mut tail: Vec<char> = left.chars().rev().take(2).collect();
    tail.reverse();
    let left: String = tail.into_iter().collect();
    let right: String = right.chars().take(2).collect();
    let apart = words(&left).count() + words(&right).count();
    words(&(left + &right)).count() < apart
}
