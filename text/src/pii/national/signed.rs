//! Numbers whose letters are separated by signs or spaces. They are found from their first digit.

use super::check::{is_day_of, is_repeated, weighted};
use super::letters::{is_nino_prefix, matches, number};
use super::{Kind, NationalId, Span};
use crate::pii::scan::{digits_at, is_inside_token_after, is_inside_token_before};

/// Calls `offer` with the numbers whose first digit is at an offset. They must not start before
/// `floor`.
pub(super) fn of(text: &str, digit: usize, floor: usize, offer: &mut impl FnMut(Span)) {
    match digits_at(text.as_bytes(), digit) {
        2 => spaced_nino(text, digit, floor, offer),
        6 => {
            finnish(text, digit, offer);
            spaced_nino(text, digit, floor, offer);
            hong_kong(text, digit, floor, offer);
        }
        _ => {}
    }
}

/// Finland: DDMMYY, a sign for the century, three digits, and a check character for the remainder
/// modulo 31.
fn finnish(text: &str, digit: usize, offer: &mut impl FnMut(Span)) {
    let end = digit + 11;
    let Some(characters) = text.as_bytes().get(digit..end) else { return };
    let [birth @ .., sign, a, b, c, check] = characters else { return };
    let is_sign = matches!(sign, b'-' | b'+' | b'A'..=b'F' | b'U'..=b'Y');
    let is_number = is_sign
        && check.is_ascii_alphanumeric()
        && birth.iter().chain([a, b, c]).all(u8::is_ascii_digit);
    if !is_number || is_inside_token_before(text, digit) || is_inside_token_after(text, end) {
        return;
    }
    let value = number(birth) * 1000 + number(&[*a, *b, *c]);
    let is_date = is_day_of(number(&birth[2..4]), number(&birth[..2]));
    let is_checked = b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(value % 31) as usize] == *check;
    // Serial numbers below 002 are not assigned.
    if is_date && is_checked && value % 1000 >= 2 {
        let kind = Kind::NationalId(NationalId::FiHetu);
        offer(Span { start: digit, end, kind, confidence: 0.9 });
    }
}

/// United Kingdom: a National Insurance number with spaces, as it is printed: `AB 12 34 56 C`.
fn spaced_nino(text: &str, digit: usize, floor: usize, offer: &mut impl FnMut(Span)) {
    let bytes = text.as_bytes();
    let Some(start) = digit.checked_sub(3).filter(|start| *start >= floor) else { return };
    if bytes[digit - 1] != b' ' || !bytes[start..digit - 1].iter().all(u8::is_ascii_alphabetic) {
        return;
    }
    let rest = &bytes[digit..];
    let shapes = ["99 99 99 A", "999999 A", "999999A", "99 99 99A"];
    let Some(shape) = shapes.iter().find(|shape| {
        rest.get(..shape.len()).is_some_and(|rest| matches(&rest.to_ascii_uppercase(), shape))
    }) else {
        return;
    };
    let end = digit + shape.len();
    let prefix = bytes[start..start + 2].to_ascii_uppercase();
    let suffix = bytes[end - 1].to_ascii_uppercase();
    let is_part = is_inside_token_before(text, start) || is_inside_token_after(text, end);
    if !is_part && is_nino_prefix(&prefix) && (b'A'..=b'D').contains(&suffix) {
        let confidence = if shape.starts_with("99 ") { 0.85 } else { 0.55 };
        let kind = Kind::NationalId(NationalId::UkNino);
        offer(Span { start, end, kind, confidence });
    }
}

/// Hong Kong: `A123456(7)`. Letters have the values 10 (A) to 35 (Z), a missing first letter has
/// the value 36, and a check digit of 10 is written as A.
fn hong_kong(text: &str, digit: usize, floor: usize, offer: &mut impl FnMut(Span)) {
    let bytes = text.as_bytes();
    let end = digit + 9;
    let Some([body @ .., b'(', check, b')']) = bytes.get(digit..end) else { return };
    let letters =
        bytes[floor..digit].iter().rev().take_while(|byte| byte.is_ascii_uppercase()).count();
    if !(1..=2).contains(&letters) || !body.iter().all(u8::is_ascii_digit) {
        return;
    }
    let start = digit - letters;
    let value = |byte: &u8| u32::from(byte - b'A') + 10;
    let head =
        if letters == 2 { value(&bytes[start]) } else { 36 } * 9 + value(&bytes[digit - 1]) * 8;
    let digits: Vec<u8> = body.iter().map(|byte| byte - b'0').collect();
    let sum = head + weighted(&digits, &[7, 6, 5, 4, 3, 2]);
    let last = match check {
        b'0'..=b'9' => u32::from(check - b'0'),
        b'A' => 10,
        _ => return,
    };
    let is_checked = (sum + last).is_multiple_of(11) && !is_repeated(&digits);
    if is_checked && !is_inside_token_before(text, start) {
        let kind = Kind::NationalId(NationalId::HkId);
        offer(Span { start, end, kind, confidence: 0.9 });
    }
}
