//! Numbering plans: the country calling codes of ITU-T E.164, and the national formats of some
//! countries.

/// A country whose national numbering plan is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(&'static Plan);

/// A national numbering plan (ITU, National Numbering Plans).
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The ISO 3166-1 code of the country.
    country: &'static str,
    /// The trunk prefix, which is dialled before a number within the country.
    trunk: &'static [u8],
    /// The minimum and maximum number of digits, without the trunk prefix.
    digits: (u8, u8),
    /// The first digits of numbers, without the trunk prefix.
    leading: &'static [u8],
}

const fn plan(
    country: &'static str,
    trunk: &'static [u8],
    digits: (u8, u8),
    leading: &'static [u8],
) -> Plan {
    Plan { country, trunk, digits, leading }
}

static PLANS: [Plan; 33] = [
    plan("AR", &[0], (10, 11), &[1, 2, 3, 9]),
    plan("AT", &[0], (7, 13), &[1, 2, 3, 4, 5, 6, 7, 8]),
    plan("AU", &[0], (9, 9), &[2, 3, 4, 7, 8]),
    plan("BE", &[0], (8, 9), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("BR", &[0], (10, 11), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("CA", &[1], (10, 10), &[2, 3, 4, 5, 6, 7, 8, 9]),
    plan("CH", &[0], (9, 9), &[2, 3, 4, 5, 6, 7, 8, 9]),
    plan("CN", &[0], (10, 11), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("CZ", &[], (9, 9), &[2, 3, 4, 5, 6, 7]),
    plan("DE", &[0], (7, 11), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("DK", &[], (8, 8), &[2, 3, 4, 5, 6, 7, 8, 9]),
    plan("ES", &[], (9, 9), &[6, 7, 8, 9]),
    plan("FI", &[0], (7, 10), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("FR", &[0], (9, 9), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("GB", &[0], (9, 10), &[1, 2, 3, 5, 7, 8, 9]),
    plan("IE", &[0], (8, 9), &[1, 2, 4, 5, 6, 7, 8, 9]),
    plan("IN", &[0], (10, 10), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("IT", &[], (9, 11), &[0, 3]),
    plan("JP", &[0], (9, 10), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("KR", &[0], (8, 10), &[1, 2, 3, 4, 5, 6, 7]),
    plan("MX", &[], (10, 10), &[2, 3, 4, 5, 6, 7, 8, 9]),
    plan("NL", &[0], (9, 9), &[1, 2, 3, 4, 5, 6, 7, 8]),
    plan("NO", &[], (8, 8), &[2, 3, 4, 5, 6, 7, 8, 9]),
    plan("NZ", &[0], (8, 10), &[2, 3, 4, 6, 7, 9]),
    plan("PH", &[0], (10, 10), &[9]),
    plan("PL", &[], (9, 9), &[1, 2, 3, 4, 5, 6, 7, 8]),
    plan("PT", &[], (9, 9), &[2, 3, 9]),
    plan("RU", &[8], (10, 10), &[3, 4, 8, 9]),
    plan("SE", &[0], (7, 10), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    plan("SG", &[], (8, 8), &[3, 6, 8, 9]),
    plan("TR", &[0], (10, 10), &[2, 3, 4, 5]),
    plan("US", &[1], (10, 10), &[2, 3, 4, 5, 6, 7, 8, 9]),
    plan("ZA", &[0], (9, 9), &[1, 2, 3, 4, 5, 6, 7, 8]),
];

impl Region {
    /// The region with an ISO 3166-1 code in upper case, or `None` if its plan is not known.
    pub fn of(country: &str) -> Option<Self> {
        PLANS.iter().find(|plan| plan.country == country).map(Self)
    }

    /// Whether digits are a national number, with or without the trunk prefix.
    pub(super) fn has(self, digits: &[u8]) -> bool {
        let national = digits.strip_prefix(self.0.trunk).unwrap_or(digits);
        let (least, most) = self.0.digits;
        let is_american = matches!(self.0.country, "US" | "CA");
        (usize::from(least)..=usize::from(most)).contains(&national.len())
            && self.0.leading.contains(&national[0])
            && (!is_american || national[3] >= 2)
    }
}

/// Country calling codes whose numbers do not have [`OTHER_LENGTHS`], and the minimum and maximum
/// number of digits after the code.
const LENGTHS: [(&[u8], usize, usize); 40] = [
    (&[1], 10, 10),
    (&[7], 10, 10),
    (&[2, 0], 8, 10),
    (&[2, 7], 9, 9),
    (&[3, 0], 10, 10),
    (&[3, 1], 9, 11),
    (&[3, 2], 8, 9),
    (&[3, 3], 9, 9),
    (&[3, 4], 9, 9),
    (&[3, 6], 8, 9),
    (&[3, 9], 6, 12),
    (&[4, 0], 9, 9),
    (&[4, 1], 9, 12),
    (&[4, 3], 7, 13),
    (&[4, 4], 9, 10),
    (&[4, 5], 8, 8),
    (&[4, 6], 7, 10),
    (&[4, 7], 8, 8),
    (&[4, 8], 9, 9),
    (&[4, 9], 6, 13),
    (&[5, 1], 8, 9),
    (&[5, 2], 10, 11),
    (&[5, 3], 6, 8),
    (&[5, 4], 10, 11),
    (&[5, 5], 10, 11),
    (&[5, 6], 9, 9),
    (&[5, 7], 8, 10),
    (&[5, 8], 10, 10),
    (&[6, 0], 8, 10),
    (&[6, 1], 9, 10),
    (&[6, 3], 8, 10),
    (&[6, 5], 8, 8),
    (&[6, 6], 8, 9),
    (&[8, 1], 9, 10),
    (&[8, 4], 8, 10),
    (&[8, 6], 8, 11),
    (&[9, 0], 10, 10),
    (&[9, 1], 10, 10),
    (&[9, 4], 9, 9),
    (&[9, 8], 10, 10),
];

/// The minimum and maximum number of digits after all other calling codes.
const OTHER_LENGTHS: (usize, usize) = (6, 12);

/// Whether digits after a plus sign are a calling code and a number of the right length. A trunk
/// zero may be written between them.
pub(super) fn is_international(digits: &[u8]) -> bool {
    let Some(code) = calling_code(digits) else { return false };
    let (least, most) = LENGTHS
        .iter()
        .find(|(other, _, _)| *other == &digits[..code])
        .map_or(OTHER_LENGTHS, |(_, least, most)| (*least, *most));
    let has_trunk = digits.get(code) == Some(&0);
    let national = digits.len() - code;
    (least..=most + usize::from(has_trunk)).contains(&national) && digits.len() <= 16
}

/// The number of digits of the calling code at the start of a number, or `None` if the code is not
/// assigned: one for North America and Russia, two for the codes of ITU-T E.164 annex A, and three
/// for all others.
fn calling_code(digits: &[u8]) -> Option<usize> {
    let [a, b, c, ..] = *digits else { return None };
    let two = a * 10 + b;
    if a == 1 || a == 7 {
        return Some(1);
    }
    let is_two = matches!(two, 20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66)
        || matches!(two, 81 | 82 | 84 | 86 | 90..=95 | 98);
    let is_three = match two {
        21 | 68 => c != 4,
        22..=26 | 35 | 50 | 59 | 67 | 96 => true,
        29 => matches!(c, 0 | 1 | 7..=9),
        37 => c != 9,
        38 => matches!(c, 0..=3 | 5..=7 | 9),
        42 => matches!(c, 0 | 1 | 3),
        80 => matches!(c, 0 | 8),
        85 => matches!(c, 0 | 2 | 3 | 5 | 6),
        87 | 88 => matches!(c, 0..=3 | 6 | 8),
        97 => c != 8,
        99 => matches!(c, 2..=6 | 8),
        _ => false,
    };
    if is_two { Some(2) } else { is_three.then_some(3) }
}
