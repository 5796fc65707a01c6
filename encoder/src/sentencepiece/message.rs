//! Reads the wire format of Protocol Buffers: a message is a list of fields, each with a number, a
//! type and a value (Encoding, protobuf.dev).

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// Integers, booleans and enumerations.
    Number(u64),
    /// Four bytes: a `float`.
    Float(f32),
    /// Strings, bytes and messages.
    Bytes(&'a [u8]),
    /// Eight bytes. No field that is used here has this type.
    Eight,
}

impl<'a> Value<'a> {
    /// The number, if the value is one.
    pub(super) fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    /// The bytes, if the value has this type.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The text, if the value is one.
    pub(super) fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

/// The fields of a message in order: numbers and values. `None` if the message is cut off or a type
/// is unknown; the iterator ends after it.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Option<(u64, Value<'_>)>> {
    let mut rest = Some(message);
    std::iter::from_fn(move || {
        let mut bytes = rest.filter(|rest| !rest.is_empty())?;
        let found = field(&mut bytes);
        rest = found.is_some().then_some(bytes);
        Some(found)
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        1 => {
            take(rest, 8)?;
            Value::Eight
        }
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Value::Bytes(take(rest, length)?)
        }
        5 => Value::Float(f32::from_le_bytes(*take(rest, 4)?.first_chunk()?)),
        _ => return None,
    };
    Some((tag >> 3, value))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// Reads a number in at most ten groups of seven bits, the lowest first. A set high bit means that
/// another group follows.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (&byte, left) = rest.split_first()?;
        *rest = left;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order_until_the_message_is_cut_off() {
        // From the description of the format: field 1 is 150, field 2 is "testing".
        let message = b"\x08\x96\x01\x12\x07testing\x1d\x00\x00\x80\x3f\x21ABCDEFGH\x12\x7f";
        let found: Vec<_> = fields(message).collect();
        assert_eq!(
            found,
            [
                Some((1, Value::Number(150))),
                Some((2, Value::Bytes(b"testing"))),
                Some((3, Value::Float(1.0))),
                Some((4, Value::Eight)),
                None,
            ]
        );
        assert_eq!(found[1].unwrap().1.text(), Some("testing"));
        for broken in [
            &b"\x0b"[..],
            b"\x08",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0d\x00",
        ] {
            assert_eq!(fields(broken).collect::<Vec<_>>(), [None]);
        }
    }
}
