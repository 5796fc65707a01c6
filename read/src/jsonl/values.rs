//! JSON that is not one object per line: an array of objects, or objects over several lines.

use std::io;

use serde::de::IgnoredAny;

use super::document::Objects;
use super::json;
use crate::decompress::{Damage, Filled, Stream};
use crate::fault::{Fault, FaultReason};
use crate::record::{MAX_RECORDS, Record};

/// How the objects of a file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// An object per line.
    Lines,
    /// Values one after another, with any white space.
    Values,
    /// One array of values.
    Array,
}

impl Layout {
    /// The layout of a file, judged by its first chunk.
    pub(crate) fn of(stream: &mut Stream) -> io::Result<Self> {
        let first = stream.peek()?;
        let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
        Ok(match first.first() {
            // Of anything else there could be no document.
            Some(b'[') if matches!(first[1..].trim_ascii_start().first(), Some(b'{' | b']')) => {
                Self::Array
            }
            Some(b'{') if !opens_with_line(first) && opens_with_object(first) => Self::Values,
            _ => Self::Lines,
        })
    }
}

/// Whether the first line is an object.
fn opens_with_line(first: &[u8]) -> bool {
    let line = memchr::memchr(b'\n', first).map_or(first, |end| &first[..end]);
    is_object(line)
}

/// Whether an object over several lines stands at the start.
fn opens_with_object(first: &[u8]) -> bool {
    json::value_end(first, 0).is_ok_and(|end| is_object(&first[..end]))
}

fn is_object(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// What [`Values::next_value`] found.
pub(crate) enum ValueEvent {
    /// A value at this offset; [`Values::value`] returns it.
    Value(u64),
    /// A value over the limit: its offset and its length in bytes.
    TooLong(u64, u64),
    /// Data is missing, with this many bytes of a value before it; nothing follows.
    Gap(Damage, u64),
    /// The file ends within the value at this offset, of this many bytes, or before its array ends.
    Cut(u64, u64),
    /// The end.
    End,
}

/// The values of a file, one after another in bounded memory.
pub(crate) struct Values {
    stream: Stream,
    max_bytes: u64,
    /// Whether the values are items of an array.
    in_array: bool,
    /// Whether an array has begun and not ended.
    opened: bool,
    value: Vec<u8>,
    ended: bool,
}

/// Where a value stands, byte by byte.
#[derive(Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Takes the next byte of a value. Returns whether the value ends with it, or before it.
    fn take(&mut self, byte: u8) -> End {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return if self.in_string || self.depth > 0 { End::Not } else { End::With };
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => {
                return End::Before;
            }
            b'}' | b']' => {
                self.depth -= 1;
                return if self.depth == 0 { End::With } else { End::Not };
            }
            _ => {}
        }
        End::Not
    }
}

#[derive(PartialEq, Eq)]
enum End {
    Not,
    With,
    Before,
}

impl Values {
    /// The values of `stream`, which must be at its start.
    pub(crate) fn new(stream: Stream, layout: Layout, max_bytes: u64) -> Self {
        let in_array = layout == Layout::Array;
        Self { stream, max_bytes, in_array, opened: false, value: Vec::new(), ended: false }
    }

    /// The value of the last [`ValueEvent::Value`].
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    /// Decompressed offset after the last event.
    pub(crate) fn offset(&self) -> u64 {
        self.stream.offset()
    }

    /// Reads the next value.
    pub(crate) fn next_value(&mut self) -> io::Result<ValueEvent> {
        self.value.clear();
        let mut scan = Scan::default();
        let mut start = None;
        let mut length: u64 = 0;
        while !self.ended {
            if self.stream.buffer().is_empty() {
                match self.stream.fill()? {
                    Filled::Data => {}
                    Filled::Gap(damage) => {
                        self.ended = true;
                        return Ok(ValueEvent::Gap(damage, length));
                    }
                    Filled::End => {
                        self.ended = true;
                        let Some(start) = start else {
                            if self.opened {
                                return Ok(ValueEvent::Cut(self.stream.offset(), 0));
                            }
                            break;
                        };
                        let is_whole = scan.depth == 0 && !scan.in_string;
                        return Ok(if is_whole {
                            self.finished(start, length)
                        } else {
                            ValueEvent::Cut(start, length)
                        });
                    }
                }
                continue;
            }
            let at = self.stream.offset();
            let byte = self.stream.buffer()[0];
            if start.is_none() && self.is_between(byte, at) {
                self.stream.consume(1);
                continue;
            }
            let start = *start.get_or_insert(at);
            let (count, end) = self.scan(&mut scan);
            length += count as u64;
            if length <= self.max_bytes {
                self.value.extend_from_slice(&self.stream.buffer()[..count]);
            }
            self.stream.consume(count);
            if end {
                return Ok(self.finished(start, length));
            }
        }
        Ok(ValueEvent::End)
    }

    /// Whether a byte stands between two values. Another array may follow an array.
    fn is_between(&mut self, byte: u8, at: u64) -> bool {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => true,
            // The byte order mark.
            0xEF | 0xBB | 0xBF if at < 3 => true,
            b'[' if self.in_array && !self.opened => {
                self.opened = true;
                true
            }
            b']' if self.opened => {
                self.opened = false;
                true
            }
            _ => false,
        }
    }

    /// The number of buffered bytes that belong to the open value, and whether it ends with them.
    fn scan(&self, scan: &mut Scan) -> (usize, bool) {
        let buffer = self.stream.buffer();
        for (at, byte) in buffer.iter().enumerate() {
            match scan.take(*byte) {
                End::Not => {}
                End::With => return (at + 1, true),
                // A stray bracket is a value of its own, or it would be met for ever.
                End::Before => return (at.max(usize::from(self.value.is_empty())), true),
            }
        }
        (buffer.len(), false)
    }

    fn finished(&self, start: u64, length: u64) -> ValueEvent {
        if length > self.max_bytes {
            ValueEvent::TooLong(start, length)
        } else {
            ValueEvent::Value(start)
        }
    }
}

/// The documents of the values of a file.
pub(crate) struct ValueRecords {
    values: Values,
    objects: Objects,
    ordinal: u64,
}

impl ValueRecords {
    pub(crate) fn new(values: Values, objects: Objects) -> Self {
        Self { values, objects, ordinal: 0 }
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        let event = self.values.next_value()?;
        if self.ordinal >= MAX_RECORDS && !matches!(event, ValueEvent::End) {
            return Err(io::Error::other("more than 2^32 - 1 values in one file"));
        }
        let ordinal = self.ordinal as u32;
        self.ordinal += 1;
        let lost = |offset, length, reason, detail| {
            Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
        };
        Ok(Some(match event {
            ValueEvent::End => return Ok(None),
            ValueEvent::Value(offset) => self.objects.record(self.values.value(), ordinal, offset),
            ValueEvent::Gap(damage, partial) => Record::Fault(damage.fault(ordinal, partial)),
            ValueEvent::Cut(offset, length) => {
                lost(offset, length, FaultReason::Truncated, "file ends in a JSON value".to_owned())
            }
            ValueEvent::TooLong(offset, length) => {
                let detail = format!("value of more than {} bytes", self.values.max_bytes);
                lost(offset, length, FaultReason::TooLarge, detail)
            }
        }))
    }
}

impl Iterator for ValueRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
