//! The checks that every document's text must pass.

use crate::fault::{Failure, FaultReason};
use crate::limits::Limits;

/// Checks a text, and returns it with whether it was changed. U+0000, which ends a string in much
/// of the software that texts pass through, becomes U+FFFD, as in HTML.
///
/// # Errors
///
/// If the text is too long, or if it is blank and blank texts are not kept.
pub(crate) fn checked_text(text: String, limits: &Limits) -> Result<(String, bool), Failure> {
    if text.len() as u64 > limits.max_document_bytes {
        return Err((FaultReason::TooLarge, format!("text of {} bytes", text.len())));
    }
    if !limits.keep_blank && text.trim_start().is_empty() {
        return Err((FaultReason::Empty, format!("blank text of {} bytes", text.len())));
    }
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Ok((text.replace('\0', "\u{FFFD}"), true));
    }
    Ok((text, false))
}
