//! Text as it is generated: whole characters, and nothing of a string that ends it.

use super::{GenerateConfig, Generated, generate_timed};
use crate::{Llama, ModelError};

/// A generation as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The new text, without the string that ended it.
    pub text: String,
    /// The new ids, those of that string included, and the times.
    pub generated: Generated,
    /// The string that ended it.
    pub stopped_by: Option<String>,
}

/// Continues `prompt` until `settings.max_tokens`, the id `end_of_text`, or one of the strings `stops`.
///
/// `bytes_of` gives the bytes of an id. `each` gets the text in pieces as soon as they are certain: a character
/// may need several ids, and what may be the beginning of a stop string waits. It returns whether to go on.
///
/// # Errors
/// As [`super::generate`].
pub fn generate_text(
    model: &Llama,
    prompt: &[u32],
    settings: &GenerateConfig,
    (bytes_of, end_of_text): (&dyn Fn(u32) -> Vec<u8>, Option<u32>),
    stops: &[String],
    each: &mut dyn FnMut(&str) -> bool,
) -> Result<Text, ModelError> {
    let mut stream = Stream::new(stops);
    let mut text = String::new();
    let generated = generate_timed(model, prompt, settings, &mut |id| {
        if Some(id) == end_of_text {
            return false;
        }
        let piece = stream.push(&bytes_of(id));
        text.push_str(&piece);
        (piece.is_empty() || each(&piece)) && stream.stopped_by.is_none()
    })?;
    let rest = stream.finish();
    if !rest.is_empty() {
        each(&rest);
        text.push_str(&rest);
    }
    Ok(Text { text, generated, stopped_by: stream.stopped_by.cloned() })
}

/// Bytes on their way to the reader.
struct Stream<'a> {
    stops: &'a [String],
    waiting: Vec<u8>,
    stopped_by: Option<&'a String>,
}

impl<'a> Stream<'a> {
    fn new(stops: &'a [String]) -> Self {
        Self { stops, waiting: Vec::new(), stopped_by: None }
    }

    /// Takes bytes in and gives out what is certain.
    fn push(&mut self, bytes: &[u8]) -> String {
        self.waiting.extend_from_slice(bytes);
        let found = self.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| {
            let length = stop.len();
            let at = self.waiting.windows(length).position(|part| part == stop.as_bytes())?;
            Some((at, stop))
        });
        if let Some((at, stop)) = found.min_by_key(|(at, _)| *at) {
            self.stopped_by = Some(stop);
            self.waiting.truncate(at);
            return self.finish();
        }
        let held = self.stops.iter().map(|stop| shared(&self.waiting, stop.as_bytes())).max();
        let certain = whole_characters(&self.waiting[..self.waiting.len() - held.unwrap_or(0)]);
        let piece = String::from_utf8_lossy(&self.waiting[..certain]).into_owned();
        self.waiting.drain(..certain);
        piece
    }

    /// Gives out what still waits.
    fn finish(&mut self) -> String {
        let rest = String::from_utf8_lossy(&self.waiting).into_owned();
        self.waiting.clear();
        rest
    }
}

/// Length of the longest end of `bytes` that is a beginning of `stop`, but not all of it.
fn shared(bytes: &[u8], stop: &[u8]) -> usize {
    let most = stop.len().saturating_sub(1).min(bytes.len());
    (1..=most).rev().find(|&length| bytes.ends_with(&stop[..length])).unwrap_or(0)
}

/// Length of the longest start of `bytes` that does not end inside a UTF-8 character.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_string_is_never_shown_however_it_is_cut() {
        let stops = ["</s>".to_owned(), "\n\nQ".to_owned()];
        let mut stream = Stream::new(&stops);
        let pieces: Vec<String> = ["a<", "/", "b\u{e9}\n", "\nA<", "/s", "> more"]
            .map(|text| stream.push(text.as_bytes()))
            .to_vec();
        assert_eq!(pieces, ["a", "", "</b\u{e9}", "\n\nA", "", ""]);
        assert_eq!(stream.stopped_by, Some(&stops[0]));
    }

    #[test]
    fn a_character_waits_for_all_its_bytes() {
        let mut stream = Stream::new(&[]);
        let euro = "\u{20ac}".as_bytes();
        assert_eq!(stream.push(&euro[..2]), "");
        assert_eq!(stream.push(&euro[2..]), "\u{20ac}");
        assert_eq!(stream.push(&[0xff, b'a']), "\u{fffd}a");
        assert_eq!((stream.push(&euro[..1]), stream.finish()), (String::new(), "\u{fffd}".into()));
    }
}
