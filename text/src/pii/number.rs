//! Numbers as they are written in a text: groups of digits with separators.

use super::scan::digits_at;

/// The maximum number of groups in a number.
const MAX_GROUPS: usize = 8;

/// The maximum number of digits in a number: two more than in a Chinese identity number.
const MAX_DIGITS: usize = 20;

/// A number: groups of digits with separators.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Number {
    /// The offset of its first character, which may be a plus sign or a bracket.
    pub(super) start: usize,
    /// The offset of the end of its last digit.
    pub(super) end: usize,
    pub(super) has_plus: bool,
    pub(super) has_bracket: bool,
    /// See [`Number::lengths`].
    lengths: [u8; MAX_GROUPS],
    /// See [`Number::separators`].
    separators: [u8; MAX_GROUPS],
    /// The number of groups.
    groups: usize,
    /// See [`Number::digits`].
    digits: [u8; MAX_DIGITS],
    /// The number of digits.
    count: usize,
}

impl Number {
    /// Reads the number whose first digit is at an offset. It must not start before `floor`. `None`
    /// if the first group is too long or a bracket is not closed.
    pub(super) fn read(text: &str, digit: usize, floor: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut number = Self { start: digit, end: digit, ..Self::default() };
        // A bracket that is not closed right after the first group belongs to the sentence.
        let closes = bytes.get(digit + digits_at(bytes, digit)) == Some(&b')');
        if closes && number.start > floor && bytes[number.start - 1] == b'(' {
            number.start -= 1;
            number.has_bracket = true;
        }
        if number.start > floor && bytes[number.start - 1] == b'+' {
            number.start -= 1;
            number.has_plus = true;
            // `(+41) 44 …`.
            if closes && number.start > floor && bytes[number.start - 1] == b'(' {
                number.start -= 1;
                number.has_bracket = true;
            }
        }
        let mut position = digit;
        let mut is_open = number.has_bracket;
        loop {
            let group = bytes[position..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if number.count + group > MAX_DIGITS {
                if number.groups == 0 {
                    return None;
                }
                break;
            }
            for byte in &bytes[position..position + group] {
                number.digits[number.count] = byte - b'0';
                number.count += 1;
            }
            number.lengths[number.groups] = group as u8;
            number.groups += 1;
            position += group;
            number.end = position;
            let (separator, length) = separator(&bytes[position..], &mut is_open);
            let next = position + length;
            let continues = length > 0 && bytes.get(next).is_some_and(u8::is_ascii_digit);
            if !continues || number.groups == MAX_GROUPS {
                break;
            }
            number.has_bracket |= bytes[position..next].contains(&b'(');
            number.separators[number.groups - 1] = separator;
            position = next;
        }
        (!is_open || !number.has_bracket).then_some(number)
    }

    /// The digits of all groups, as values from 0 to 9.
    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// The number of digits in each group.
    pub(super) fn lengths(&self) -> &[u8] {
        &self.lengths[..self.groups]
    }

    /// The separators between the groups, each as one byte; see [`separator`]. A no-break space or
    /// hyphen counts as an ordinary one.
    pub(super) fn separators(&self) -> &[u8] {
        &self.separators[..self.groups.saturating_sub(1)]
    }

    /// Whether all separators from an index on are the same.
    pub(super) fn is_uniform_from(&self, place: usize) -> bool {
        let separators = self.separators();
        separators.get(place..).is_none_or(|rest| rest.windows(2).all(|pair| pair[0] == pair[1]))
    }

    /// The first group as a number.
    pub(super) fn first_group(&self) -> Self {
        let count = usize::from(self.lengths[0]);
        let start = if self.has_bracket || self.has_plus { self.start + 1 } else { self.start };
        Self { start, end: start + count, groups: 1, count, ..*self }
    }

    /// Whether the number has the shape of a pattern such as `3.3.3-2`: the number of digits of
    /// each group, as a digit of base 36, and the separators.
    pub(super) fn has_shape(&self, pattern: &str) -> bool {
        let pattern = pattern.as_bytes();
        let mut groups = self.lengths().iter().enumerate();
        pattern.len() + 1 == 2 * self.groups
            && groups.all(|(place, length)| {
                let letter = char::from_digit(u32::from(*length), 36).map(|letter| letter as u8);
                letter == Some(pattern[2 * place])
                    && pattern.get(2 * place + 1) == self.separators().get(place)
            })
    }
}

/// The separator at the start of a slice, as one byte, and its length in bytes, which is 0 if there
/// is none. It is a space, dot, hyphen or slash, optionally followed by an opening bracket, or a
/// closing bracket, optionally followed by one of these. `is_open` says whether a bracket is open,
/// and is updated.
fn separator(bytes: &[u8], is_open: &mut bool) -> (u8, usize) {
    let plain = |bytes: &[u8]| match bytes {
        // Used between an area code and the rest of a telephone number.
        [b' ', b'/', b' ', ..] => (b'/', 3),
        [byte @ (b' ' | b'-' | b'.' | b'/'), ..] => (*byte, 1),
        // The no-break space, the narrow no-break space and the no-break hyphen.
        [0xc2, 0xa0, ..] => (b' ', 2),
        [0xe2, 0x80, 0xaf, ..] => (b' ', 3),
        [0xe2, 0x80, 0x91, ..] => (b'-', 3),
        _ => (0, 0),
    };
    if *is_open {
        if bytes.first() != Some(&b')') {
            return (0, 0);
        }
        *is_open = false;
        let (_, length) = plain(&bytes[1..]);
        return (b')', 1 + length);
    }
    let (mark, length) = plain(bytes);
    if bytes.get(length) == Some(&b'(') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit) {
        *is_open = true;
        return (if length == 0 { b'(' } else { mark }, length + 1);
    }
    (mark, length)
}
