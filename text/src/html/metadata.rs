//! What a page says about itself: its title, its description and the text of its article.

use super::element::Element;
use super::entities;
use super::structured::Shingles;
use super::tokenizer::Attributes;

/// Maximum length of a title or description in bytes; the rest is ignored.
const MAX_TITLE_BYTES: usize = 1000;

/// Characters between the title of an article and the name of its site.
const SEPARATORS: [char; 9] = ['|', '-', '–', '—', '»', '«', '·', '•', ':'];

/// What a page says about itself.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// The content of the first `title` element.
    title: Option<String>,
    /// The title for social networks (Open Graph's `og:title` or a similar one).
    shared_title: Option<String>,
    /// The name of the site (`og:site_name`).
    site_name: Option<String>,
    /// The summary of the page (`description`, `og:description`).
    pub description: Option<String>,
    /// The text of the article from structured data.
    pub article_body: Option<Shingles>,
}

impl Metadata {
    /// Reads an element.
    pub(super) fn see(
        &mut self,
        html: &str,
        element: Element,
        attributes: &Attributes,
        content: Option<(usize, usize)>,
    ) {
        let slot = match (element, content) {
            (Element::Script, Some((start, end))) => {
                if self.article_body.is_none() {
                    self.article_body = Shingles::of_article_body(&html[start..end]);
                }
                return;
            }
            (Element::Title, Some((start, end))) => {
                return keep(&mut self.title, &html[start..end]);
            }
            (Element::Meta, _) => match (attributes.property, attributes.name) {
                ("og:title", _) | (_, "og:title" | "twitter:title") => &mut self.shared_title,
                ("og:site_name", _) | (_, "og:site_name") => &mut self.site_name,
                ("og:description", _) | (_, "description" | "og:description") => {
                    &mut self.description
                }
                _ => return,
            },
            _ => return,
        };
        keep(slot, attributes.content);
    }

    /// The title of the article, without the name of the site if it is recognized.
    pub(super) fn article_title(&self) -> Option<String> {
        let title = self.shared_title.as_deref().or(self.title.as_deref())?;
        Some(self.without_site(title).to_owned())
    }

    fn without_site<'a>(&self, title: &'a str) -> &'a str {
        let is_separator = |part: &str| {
            let mut characters = part.trim().chars();
            matches!((characters.next(), characters.next()), (Some(sign), None)
                if SEPARATORS.contains(&sign))
        };
        // A separator has spaces on both sides, unlike a hyphen.
        let mut places = Vec::new();
        let mut at = 0;
        for part in title.split_inclusive(' ') {
            if is_separator(part) {
                places.push((at, at + part.len()));
            }
            at += part.len();
        }
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return title };
        let (head, tail) = (title[..last.0].trim(), title[last.1..].trim());
        if let Some(site) = self.site_name.as_deref() {
            if tail.eq_ignore_ascii_case(site) {
                return head;
            }
            if title[..first.0].trim().eq_ignore_ascii_case(site) {
                return title[first.1..].trim();
            }
        }
        let words = |text: &str| text.split_whitespace().count();
        // Usually the name of the site is shorter than the title, and comes last.
        if words(head) >= MIN_TITLE_WORDS && words(tail) < words(head) { head } else { title }
    }
}

/// An unknown part is only removed from the end of a title if at least this many words remain;
/// otherwise the part could be the title itself.
const MIN_TITLE_WORDS: usize = 3;

fn keep(slot: &mut Option<String>, text: &str) {
    // Only the first value counts.
    if slot.is_some() {
        return;
    }
    let mut end = text.len().min(MAX_TITLE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut decoded = String::new();
    entities::push_decoded(&mut decoded, &text[..end]);
    let title = decoded.split_whitespace().collect::<Vec<_>>().join(" ");
    if !title.is_empty() {
        *slot = Some(title);
    }
}
