//! Whether a JSONL file has the text field at all.

use std::io;

use super::json;
use super::lines::{LineEvent, Lines};
use super::values::{Layout, ValueEvent, Values};
use crate::decompress::{Restart, Stream};
use crate::input::Input;
use crate::lack::{FIELDS_LISTED_MAX, Lack};
use crate::read_seek::ReadSeek;

/// Objects at the start of a file of which at least one must have the text field.
const OBJECTS_MAX: usize = 100;

/// Bytes at the start of a file that are looked at.
const HEAD_BYTES: u64 = 4 << 20;

/// What the objects at the start of the file lack. `None` if one has the text field, or if there is
/// no object.
pub(crate) fn lack(input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Option<Lack>> {
    let mut stream = Stream::open(input, source, Restart::default())?;
    let most = input.limits.max_line_bytes.min(HEAD_BYTES);
    let mut head = match Layout::of(&mut stream)? {
        Layout::Lines => Head::Lines(Lines::open(stream, (0, None), 0, most)?),
        layout => Head::Values(Values::new(stream, layout, most)),
    };
    let mut there: Vec<String> = Vec::new();
    let mut objects = 0;
    while objects < OBJECTS_MAX && head.offset() < HEAD_BYTES {
        let Some(object) = head.next()? else { break };
        let Ok(object) = std::str::from_utf8(object) else { continue };
        let mut has_text = false;
        let read = json::members(object, |key, _| -> Result<(), &'static str> {
            has_text |= input.fields.text.find(key).is_some();
            if there.len() < FIELDS_LISTED_MAX && !there.iter().any(|name| name == key) {
                there.push(key.to_owned());
            }
            Ok(())
        });
        if has_text {
            return Ok(None);
        }
        objects += usize::from(read.is_ok());
    }
    let lack = Lack { wanted: input.fields.text.clone(), there, records: None };
    Ok((objects > 0 && !head.was_long()).then_some(lack))
}

/// The objects at the start of a file.
enum Head {
    Lines(Lines),
    Values(Values),
}

impl Head {
    fn offset(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.offset(),
            Self::Values(values) => values.offset(),
        }
    }

    /// Whether an object was longer than the head, so that the head says nothing.
    fn was_long(&self) -> bool {
        self.offset() > HEAD_BYTES
    }

    /// The next object; `None` where the head ends or is damaged.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(match self {
            Self::Lines(lines) => match lines.next_line()? {
                LineEvent::Line(_) => Some(lines.line()),
                LineEvent::TooLong(..) | LineEvent::Gap(..) | LineEvent::End => None,
            },
            Self::Values(values) => match values.next_value()? {
                ValueEvent::Value(_) => Some(values.value()),
                _ => None,
            },
        })
    }
}
