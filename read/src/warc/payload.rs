//! The text of a WARC record.

use std::borrow::Cow;

use fastwarc::warc::header::HeaderMap;
use text::html::Defeat;

use super::headers::{is_http, value};
use super::http::Response;
use crate::fault::{Failure, FaultReason, SkipReason};
use crate::limits::Limits;

/// Bytes of a body in which to look for the start of an HTML page.
const SNIFF_BYTES: usize = 512;

/// The text of a record.
pub(crate) struct Payload {
    pub(crate) text: String,
    /// Title of an HTML page.
    pub(crate) title: Option<String>,
    /// Whether U+FFFD replaced something that could not be decoded.
    pub(crate) repaired: bool,
}

/// Why a record is not a document.
pub(crate) enum NotADocument {
    /// It is sound, but of another kind.
    Skipped(SkipReason),
    /// It is damaged or exceeds a limit.
    Failed(Failure),
}

impl From<SkipReason> for NotADocument {
    fn from(reason: SkipReason) -> Self {
        Self::Skipped(reason)
    }
}

impl From<Failure> for NotADocument {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The kinds of payload that have text.
enum Kind {
    Html,
    Plain,
}

impl Payload {
    /// The text of the record with these WARC `headers` and this `block`.
    ///
    /// # Errors
    ///
    /// If the record is not a successful response, not HTML or plain text, damaged, or too long.
    pub(crate) fn of(
        headers: &HeaderMap,
        block: &[u8],
        limits: &Limits,
    ) -> Result<Self, NotADocument> {
        let (body, content_type) = if is_http(headers) {
            let response = Response::parse(block, limits)?;
            if !(200..300).contains(&response.status) {
                return Err(SkipReason::HttpStatus.into());
            }
            let content_type = response.content_type().into_owned();
            // An image or a film is not worth decompressing.
            let media_type = identified_type(headers).unwrap_or_else(|| media_type(&content_type));
            if !media_type.is_empty() && kind_of(&media_type).is_none() {
                return Err(SkipReason::MediaType.into());
            }
            (response.body(block, limits)?, content_type)
        } else {
            (Cow::Borrowed(block), value(headers, "Content-Type").into_owned())
        };
        let media_type = identified_type(headers).unwrap_or_else(|| media_type(&content_type));
        let kind = if media_type.is_empty() { sniff(&body) } else { kind_of(&media_type) };
        let kind = kind.ok_or(SkipReason::MediaType)?;
        if body.len() as u64 > limits.max_document_bytes {
            let detail = format!("payload of {} bytes", body.len());
            return Err((FaultReason::TooLarge, detail).into());
        }
        let declared = text::charset::declared_in_content_type(&content_type);
        match kind {
            Kind::Plain => {
                let decoded = text::charset::decode(&body, declared);
                Ok(Self { text: decoded.text, title: None, repaired: decoded.repaired })
            }
            Kind::Html => Ok(extract(&body, declared)?),
        }
    }
}

/// Whether the crawler identified the payload as something that is neither HTML nor plain text.
pub(crate) fn is_other_type(headers: &HeaderMap) -> bool {
    identified_type(headers).is_some_and(|media_type| kind_of(&media_type).is_none())
}

/// The main text of an HTML page. An encoding declared by the server takes precedence over the
/// page's own declaration (HTML Standard, 13.2.3.2).
fn extract(body: &[u8], declared: Option<&str>) -> Result<Payload, Failure> {
    if body.trim_ascii().is_empty() {
        return Err((FaultReason::Empty, format!("blank page of {} bytes", body.len())));
    }
    let in_page = if declared.is_none() { text::charset::declared_in_html(body) } else { None };
    let decoded = text::charset::decode(body, declared.or(in_page.as_deref()));
    let extracted = text::html::extract(&decoded.text).map_err(|defeat| {
        let reason = match defeat {
            Defeat::NoText => FaultReason::NoContent,
            Defeat::TooLarge | Defeat::TooManyNodes => FaultReason::TooLarge,
        };
        (reason, format!("{}, page of {} bytes", defeat.name(), body.len()))
    })?;
    let (text, title) = (extracted.text, extracted.title);
    Ok(Payload { text, title, repaired: decoded.repaired })
}

/// The media type that the crawler identified by looking at the payload.
fn identified_type(headers: &HeaderMap) -> Option<String> {
    let identified = headers.get("WARC-Identified-Payload-Type")?;
    Some(media_type(&identified)).filter(|media_type| !media_type.is_empty())
}

/// The media type of a Content-Type value, in lower case and without parameters.
fn media_type(content_type: &str) -> String {
    let end = content_type.find([';', ',']).unwrap_or(content_type.len());
    content_type[..end].trim().to_ascii_lowercase()
}

fn kind_of(media_type: &str) -> Option<Kind> {
    match media_type {
        "text/html" | "application/xhtml+xml" => Some(Kind::Html),
        "text/plain" => Some(Kind::Plain),
        _ => None,
    }
}

/// The kind of a payload without a media type: HTML if it starts like a page, otherwise unknown.
fn sniff(body: &[u8]) -> Option<Kind> {
    let start = body[..body.len().min(SNIFF_BYTES)].to_ascii_lowercase();
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start).trim_ascii_start();
    let opens: [&[u8]; 3] = [b"<!doctype html", b"<html", b"<head"];
    opens.iter().any(|open| start.starts_with(open)).then_some(Kind::Html)
}
