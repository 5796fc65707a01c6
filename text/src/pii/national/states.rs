//! The checks of numbers that consist of digits only, state by state. The number of digits that a
//! check gets is given by its rule.

use super::check::{
    ean_13, is_day, is_day_of, is_repeated, iso_7064_11_10, luhn, luhn_sum, most, value, verhoeff,
    weighted,
};

/// China: a region, a date of birth and a check digit.
pub(super) fn is_cn_resident(digits: &[u8]) -> bool {
    let [.., check] = digits else { return false };
    is_cn_birth(digits) && cn_check(digits) == u32::from(*check)
}

/// Whether the first seventeen digits of a Chinese number contain a region and a date of birth.
pub(super) fn is_cn_birth(digits: &[u8]) -> bool {
    let region = value(&digits[..2]);
    matches!(region, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
        && matches!(value(&digits[6..8]), 19 | 20)
        && is_day(&digits[10..12], &digits[12..14])
}

/// The check value of a Chinese number (ISO 7064 MOD 11-2). A value of 10 is written as X.
pub(super) fn cn_check(digits: &[u8]) -> u32 {
    let sum = weighted(&digits[..17], &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    (12 - sum % 11) % 11
}

/// France: the sex and the month of birth, which has special values if it is unknown.
pub(super) fn is_fr_birth(digits: &[u8]) -> bool {
    matches!(digits[0], 1 | 2) && matches!(value(&digits[3..5]), 1..=12 | 20 | 30..=42 | 50..=99)
}

/// France: [`is_fr_birth`] and a check modulo 97.
pub(super) fn is_fr_nir(digits: &[u8]) -> bool {
    is_fr_birth(digits) && 97 - value(&digits[..13]) % 97 == value(&digits[13..])
}

/// Switzerland: the country code 756 and the check digit of EAN-13.
pub(super) fn is_ch_ahv(digits: &[u8]) -> bool {
    digits[..3] == [7, 5, 6] && ean_13(digits)
}

/// Brazil: a check digit modulo 11, which is zero if the remainder is below two.
fn brazilian(digits: &[u8], weights: &[u32]) -> u8 {
    match weighted(digits, weights) % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder as u8,
    }
}

pub(super) fn is_br_cpf(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 10] = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    brazilian(&digits[..9], &WEIGHTS[1..]) == digits[9]
        && brazilian(&digits[..10], &WEIGHTS) == digits[10]
        && !is_repeated(digits)
}

pub(super) fn is_br_cnpj(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    brazilian(&digits[..12], &WEIGHTS[1..]) == digits[12]
        && brazilian(&digits[..13], &WEIGHTS) == digits[13]
        && !is_repeated(digits)
}

pub(super) fn is_be_national(digits: &[u8]) -> bool {
    let (body, check) = (value(&digits[..9]), value(&digits[9..]));
    let month = value(&digits[2..4]);
    // For people born since 2000, a 2 is put before the number that is divided.
    month <= 12
        && value(&digits[4..6]) <= 31
        && (97 - body % 97 == check || 97 - (2_000_000_000 + body) % 97 == check)
        && !is_repeated(digits)
}

pub(super) fn is_za_id(digits: &[u8]) -> bool {
    is_day(&digits[2..4], &digits[4..6]) && digits[10] <= 2 && luhn(digits)
}

pub(super) fn is_no_fodselsnummer(digits: &[u8]) -> bool {
    // D-numbers add 40 to the day of birth.
    let day = value(&digits[..2]) % 40;
    is_day_of(value(&digits[2..4]) % 40, day)
        && weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

pub(super) fn is_tr_national_id(digits: &[u8]) -> bool {
    let odd: u32 = digits[..9].iter().step_by(2).map(|digit| u32::from(*digit)).sum();
    let even: u32 = digits[1..8].iter().step_by(2).map(|digit| u32::from(*digit)).sum();
    let all: u32 = digits[..10].iter().map(|digit| u32::from(*digit)).sum();
    digits[0] != 0
        && (odd * 7 + 90 - even) % 10 == u32::from(digits[9])
        && all % 10 == u32::from(digits[10])
}

pub(super) fn is_ee_isikukood(digits: &[u8]) -> bool {
    let first = weighted(&digits[..10], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let second = weighted(&digits[..10], &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11;
    let check = if first < 10 { first } else { second % 10 };
    (1..=6).contains(&digits[0])
        && is_day(&digits[3..5], &digits[5..7])
        && check == u32::from(digits[10])
}

pub(super) fn is_pl_pesel(digits: &[u8]) -> bool {
    // The century is added to the month: 80 for the 1800s, 20 for the 2000s, and so on.
    is_day_of(value(&digits[2..4]) % 20, value(&digits[4..6]))
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

pub(super) fn is_ro_cnp(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..12], &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    digits[0] != 0
        && is_day(&digits[3..5], &digits[5..7])
        && matches!(value(&digits[7..9]), 1..=52)
        && (if sum == 10 { 1 } else { sum }) == u32::from(digits[12])
}

pub(super) fn is_th_national_id(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..12], &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    // The second and third digits are a province (ISO 3166-2:TH).
    let is_province =
        matches!(value(&digits[1..3]), 10..=27 | 30..=58 | 60..=67 | 70..=77 | 80..=86 | 90..=96);
    (1..=8).contains(&digits[0]) && is_province && (11 - sum % 11) % 10 == u32::from(digits[12])
}

/// Korea: a date of birth, and a digit for the sex and the century. Numbers assigned since October
/// 2020 have no check digit.
pub(super) fn is_kr(digits: &[u8], sexes: std::ops::RangeInclusive<u8>) -> bool {
    sexes.contains(&digits[6]) && is_day(&digits[2..4], &digits[4..6])
}

pub(super) fn is_se_personnummer(digits: &[u8]) -> bool {
    let is_century = digits.len() == 10 || matches!(value(&digits[..2]), 18..=20);
    let short = &digits[digits.len() - 10..];
    // Coordination numbers add 60 to the day of birth.
    is_century && is_day_of(value(&short[2..4]), value(&short[4..6]) % 60) && luhn(short)
}

pub(super) fn is_cz_birth(digits: &[u8]) -> bool {
    // 50 is added to the month for women, and 20 for the second series of a year.
    let month = value(&digits[2..4]) % 50;
    is_day_of(if month > 20 { month - 20 } else { month }, value(&digits[4..6]))
        && value(digits).is_multiple_of(11)
}

pub(super) fn is_ru_snils(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..9], &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    u64::from(sum) == value(&digits[9..]) && !is_repeated(digits)
}

pub(super) fn is_ar_cuil(digits: &[u8]) -> bool {
    matches!(value(&digits[..2]), 20 | 23 | 24 | 27 | 30 | 33 | 34)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

pub(super) fn is_de_tax_id(digits: &[u8]) -> bool {
    digits[0] != 0 && most(&digits[..10]) <= 3 && iso_7064_11_10(digits)
}

pub(super) fn is_au_abn(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    digits[0] != 0 && (sum - 10).is_multiple_of(89)
}

pub(super) fn is_in_aadhaar(digits: &[u8]) -> bool {
    digits[0] >= 2
        && verhoeff(digits)
        && !is_repeated(digits)
        && !digits.iter().eq(digits.iter().rev())
}

pub(super) fn is_jp_my_number(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..11], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    (if sum <= 1 { 0 } else { 11 - sum }) == u32::from(digits[11]) && !is_repeated(digits)
}

pub(super) fn is_uk_nhs(digits: &[u8]) -> bool {
    weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && !is_repeated(digits)
}

pub(super) fn is_au_medicare(digits: &[u8]) -> bool {
    (2..=6).contains(&digits[0])
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(digits[8])
        && digits[9] != 0
}

pub(super) fn is_us_npi(digits: &[u8]) -> bool {
    // The prefix 80840, which is not written, adds 24 to the Luhn sum.
    matches!(digits[0], 1 | 2) && (luhn_sum(digits) + 24).is_multiple_of(10) && !is_repeated(digits)
}

pub(super) fn is_ca_sin(digits: &[u8]) -> bool {
    !matches!(digits[0], 0 | 8) && luhn(digits) && !is_repeated(digits)
}

pub(super) fn is_au_tfn(digits: &[u8]) -> bool {
    let weights: &[u32] =
        if digits.len() == 9 { &[1, 4, 3, 7, 5, 8, 6, 9, 10] } else { &[10, 7, 8, 4, 6, 3, 5, 1] };
    weighted(digits, weights).is_multiple_of(11) && !is_repeated(digits)
}

pub(super) fn is_nl_bsn(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == u32::from(digits[8]) && !is_repeated(digits)
}

pub(super) fn is_pt_nif(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(digits[0], 1..=3)
        && (if sum <= 1 { 0 } else { 11 - sum }) == u32::from(digits[8])
        && !is_repeated(digits)
}

pub(super) fn is_de_lanr(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..6], &[4, 9, 4, 9, 4, 9]) % 10;
    (10 - sum) % 10 == u32::from(digits[6])
}

pub(super) fn is_ph_tin(digits: &[u8]) -> bool {
    weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == u32::from(digits[8])
        && !is_repeated(&digits[..9])
}

pub(super) fn is_us_itin(digits: &[u8]) -> bool {
    // The IRS assigns these groups (Internal Revenue Manual 3.21.263).
    digits[0] == 9 && matches!(value(&digits[3..5]), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

pub(super) fn is_cl_rut(digits: &[u8]) -> bool {
    let [body @ .., check] = digits else { return false };
    let sum: u32 = body
        .iter()
        .rev()
        .zip((2..=7).cycle())
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    (11 - sum % 11) % 11 == u32::from(*check) && !is_repeated(digits)
}
