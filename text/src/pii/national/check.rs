//! Checks of check digits and dates of birth.

/// The sum of digits times weights.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// The number whose decimal digits are given.
pub(super) fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit))
}

/// The Luhn sum (ISO/IEC 7812-1 annex B): the sum of the digits, of which every second one from the
/// end is doubled and replaced by the sum of its digits.
pub(in super::super) fn luhn_sum(digits: &[u8]) -> u32 {
    let doubled = |(place, digit): (usize, &u8)| {
        let value = u32::from(*digit) << (place % 2);
        if value > 9 { value - 9 } else { value }
    };
    digits.iter().rev().enumerate().map(doubled).sum()
}

/// Whether the Luhn sum ends in zero.
pub(super) fn luhn(digits: &[u8]) -> bool {
    luhn_sum(digits).is_multiple_of(10)
}

/// Verhoeff's check (1969), by multiplication in the dihedral group of order ten.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    // A permutation of order eight: 0→1→5→8→9→4→2→7→0, 3→6→3.
    const STEP: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permuted =
        |digit: u8, times: usize| (0..times % 8).fold(digit, |digit, _| STEP[usize::from(digit)]);
    digits
        .iter()
        .rev()
        .enumerate()
        .fold(0, |sum, (place, digit)| product(sum, permuted(*digit, place)))
        == 0
}

/// Checks ISO 7064 MOD 11,10. The last digit is the check digit.
pub(super) fn iso_7064_11_10(digits: &[u8]) -> bool {
    let [body @ .., check] = digits else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

/// Checks the check digit of an EAN-13: weights 1 and 3 alternate from the first of thirteen
/// digits.
pub(super) fn ean_13(digits: &[u8]) -> bool {
    weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Whether the digits of a month and of a day are a date in a leap year.
pub(super) fn is_day(month: &[u8], day: &[u8]) -> bool {
    is_day_of(value(month), value(day))
}

/// Whether a month of a leap year has a day with the given number.
pub(super) fn is_day_of(month: u64, day: u64) -> bool {
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 29,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// How often the most frequent digit occurs.
pub(super) fn most(digits: &[u8]) -> usize {
    let mut counts = [0; 10];
    for digit in digits {
        counts[usize::from(*digit)] += 1;
    }
    counts.into_iter().fold(0, usize::max)
}

/// Whether all digits, or all except one, are the same.
pub(super) fn is_repeated(digits: &[u8]) -> bool {
    most(digits) + 1 >= digits.len()
}

/// The check digit of ICAO 9303: weights 7, 3, 1, with letters as 10 to 35.
pub(super) fn icao_9303(characters: &[u8]) -> u32 {
    let value = |byte: &u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        _ => u32::from(byte - b'A') + 10,
    };
    characters
        .iter()
        .map(value)
        .zip([7, 3, 1].iter().cycle())
        .map(|(v, weight)| v * weight)
        .sum::<u32>()
        % 10
}
