//! Groups of digits with separators between them, as they stand in a text.

use super::scan::digits_at;

/// Groups of digits of one number at most.
const MAX_GROUPS: usize = 8;

/// Digits of one number at most: two more than a Chinese identity number.
const MAX_DIGITS: usize = 20;

/// Groups of digits as they stand in a text.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Number {
    /// The offset of its first character, with plus sign or bracket.
    pub(super) start: usize,
    /// The offset behind its last digit.
    pub(super) end: usize,
    pub(super) has_plus: bool,
    pub(super) has_bracket: bool,
    lengths: [u8; MAX_GROUPS],
    separators: [u8; MAX_GROUPS],
    groups: usize,
    digits: [u8; MAX_DIGITS],
    count: usize,
}

impl Number {
    /// Reads the groups whose first digit is at an offset; the number starts at `floor` at the
    /// earliest. `None` if a group is too long or a bracket stays open.
    pub(super) fn read(text: &str, digit: usize, floor: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut number = Self { start: digit, end: digit, ..Self::default() };
        // A bracket around more than the first group belongs to the sentence.
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
            let goes_on = length > 0 && bytes.get(next).is_some_and(u8::is_ascii_digit);
            if !goes_on || number.groups == MAX_GROUPS {
                break;
            }
            number.has_bracket |= bytes[position..next].contains(&b'(');
            number.separators[number.groups - 1] = separator;
            position = next;
        }
        (!is_open || !number.has_bracket).then_some(number)
    }

    /// The digits, as values from 0 to 9.
    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// Digits in each group.
    pub(super) fn lengths(&self) -> &[u8] {
        &self.lengths[..self.groups]
    }

    /// The first byte of what stands between each two groups; a space or hyphen that does not
    /// break counts as one that does.
    pub(super) fn separators(&self) -> &[u8] {
        &self.separators[..self.groups.saturating_sub(1)]
    }

    /// Whether the same separator stands between all groups from a place on.
    pub(super) fn is_uniform_from(&self, place: usize) -> bool {
        let separators = self.separators();
        separators.get(place..).is_none_or(|rest| rest.windows(2).all(|pair| pair[0] == pair[1]))
    }

    /// Its first group alone.
    pub(super) fn first_group(&self) -> Self {
        let count = usize::from(self.lengths[0]);
        let start = if self.has_bracket || self.has_plus { self.start + 1 } else { self.start };
        Self { start, end: start + count, groups: 1, count, ..*self }
    }

    /// Whether its shape, groups as digits of base 36 with the separators between them, is that
    /// of a pattern: `3.3.3-2`.
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

/// The separator at the start of a slice and its bytes: one of space, dot, dash and slash, or a
/// bracket with one of them around it; 0 bytes if there is none.
fn separator(bytes: &[u8], is_open: &mut bool) -> (u8, usize) {
    let plain = |bytes: &[u8]| match bytes {
        // Between the code of the area and the rest.
        [b' ', b'/', b' ', ..] => (b'/', 3),
        [byte @ (b' ' | b'-' | b'.' | b'/'), ..] => (*byte, 1),
        // No-break space, narrow no-break space and no-break hyphen.
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
