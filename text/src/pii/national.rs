//! Numbers that states give to persons, and how each is told from other numbers.
//!
//! A check digit alone lets one number in ten through, and manuals are full of numbers. So a
//! number counts by itself only if its shape says enough: letters in fixed places, the separators
//! its state prints, a date of birth. The others need a word such as `passport` or `tax id` near
//! them, or a text that is nothing but the number, as a field of a table is.

mod check;
mod digits;
mod letters;
mod signed;
mod states;

pub(super) use check::luhn_sum;

use std::ops::Range;

use super::number::Number;
use super::scan::{
    before, has_word_before, has_word_behind, is_inside_token_after, is_inside_token_before,
};
use super::{Kind, Span};

/// Bytes before and behind a number in which a word about it counts.
const REACH_BEFORE_BYTES: usize = 48;
const REACH_BEHIND_BYTES: usize = 32;

/// Words, in lower case, that announce a number of some state. A space ends the word.
const COMMON_WORDS: [&str; 20] = [
    "national id",
    "identity ",
    "identification",
    "tax id",
    "taxpayer",
    "id number",
    "id no",
    "id card",
    "social security",
    "social insurance",
    "insurance number",
    "personal number",
    "personal code",
    "personal id",
    "identificación",
    "identidad",
    "identidade",
    "identité",
    "ausweis",
    "身份证",
];

/// How sure a number is beside a word about it.
const NAMED: f32 = 0.9;

/// A number that passes its check, in no shape of its own and without a word.
const CHECKED: f32 = 0.2;

/// How sure one is that also holds a date of birth.
const DATED: f32 = 0.24;

macro_rules! national_ids {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Which number of which state.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum NationalId {
            $($(#[doc = $doc])* $variant),+
        }

        impl NationalId {
            /// All of them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Its name: the state's ISO 3166 code (`uk` for the United Kingdom) and the number's.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

national_ids! {
    /// Clave Única de Identificación Laboral: two digits, DNI, check digit modulo 11.
    ArCuil = "ar_cuil",
    /// Australian Business Number (sole traders have one, too): modulo 89.
    AuAbn = "au_abn",
    /// Medicare card.
    AuMedicare = "au_medicare",
    /// Tax File Number: modulo 11.
    AuTfn = "au_tfn",
    /// Rijksregisternummer: modulo 97.
    BeNational = "be_national",
    /// Cadastro Nacional da Pessoa Jurídica: two check digits.
    BrCnpj = "br_cnpj",
    /// Cadastro de Pessoas Físicas: two check digits.
    BrCpf = "br_cpf",
    /// Social Insurance Number: Luhn.
    CaSin = "ca_sin",
    /// AHV number: EAN-13 with prefix 756.
    ChAhv = "ch_ahv",
    /// Rol Único Tributario: modulo 11.
    ClRut = "cl_rut",
    /// Resident identity number, GB 11643: ISO 7064 MOD 11-2.
    CnResident = "cn_resident",
    /// Rodné číslo, with the Slovak: divisible by 11.
    CzBirth = "cz_birth",
    /// Krankenversichertennummer: weights 1 and 2.
    DeHealth = "de_health",
    /// Lebenslange Arztnummer of a physician.
    DeLanr = "de_lanr",
    /// Passport or identity card: weights 7, 3, 1 (ICAO 9303).
    DePassport = "de_passport",
    /// Rentenversicherungsnummer.
    DeSocialSecurity = "de_social_security",
    /// Steuerliche Identifikationsnummer: ISO 7064 MOD 11,10.
    DeTaxId = "de_tax_id",
    /// CPR number.
    DkCpr = "dk_cpr",
    /// Isikukood, with the Lithuanian asmens kodas: modulo 11.
    EeIsikukood = "ee_isikukood",
    /// Número de identidad de extranjero: modulo 23.
    EsNie = "es_nie",
    /// Número de identificación fiscal: modulo 23.
    EsNif = "es_nif",
    /// Henkilötunnus: modulo 31.
    FiHetu = "fi_hetu",
    /// Numéro d'inscription au répertoire: modulo 97.
    FrNir = "fr_nir",
    /// Identity card: modulo 11, the check digit in brackets.
    HkId = "hk_id",
    /// Osobni identifikacijski broj: ISO 7064 MOD 11,10.
    HrOib = "hr_oib",
    /// Teudat zehut: Luhn.
    IlId = "il_id",
    /// Aadhaar: Verhoeff.
    InAadhaar = "in_aadhaar",
    /// Goods and Services Tax number; contains a permanent account number.
    InGstin = "in_gstin",
    /// Permanent Account Number.
    InPan = "in_pan",
    /// Codice fiscale.
    ItCodiceFiscale = "it_codice_fiscale",
    /// My Number.
    JpMyNumber = "jp_my_number",
    /// Registration number of a foreigner.
    KrFrn = "kr_frn",
    /// Resident registration number.
    KrRrn = "kr_rrn",
    /// Clave Única de Registro de Población.
    MxCurp = "mx_curp",
    /// National Identification Number: Verhoeff.
    NgNin = "ng_nin",
    /// Burgerservicenummer: modulo 11.
    NlBsn = "nl_bsn",
    /// Fødselsnummer: two check digits.
    NoFodselsnummer = "no_fodselsnummer",
    /// Taxpayer Identification Number.
    PhTin = "ph_tin",
    /// PESEL: weights 1, 3, 7, 9.
    PlPesel = "pl_pesel",
    /// Número de identificação fiscal: modulo 11.
    PtNif = "pt_nif",
    /// Cod numeric personal: modulo 11.
    RoCnp = "ro_cnp",
    /// SNILS: modulo 101.
    RuSnils = "ru_snils",
    /// Personnummer: Luhn.
    SePersonnummer = "se_personnummer",
    /// National registration identity card or foreign identification number.
    SgNric = "sg_nric",
    /// Identity card: modulo 11.
    ThNationalId = "th_national_id",
    /// T.C. kimlik numarası: two check digits.
    TrNationalId = "tr_national_id",
    /// Identity card: modulo 10.
    TwId = "tw_id",
    /// Driving licence: name and date of birth.
    UkDrivingLicence = "uk_driving_licence",
    /// NHS number: modulo 11.
    UkNhs = "uk_nhs",
    /// National Insurance number.
    UkNino = "uk_nino",
    /// Registration of a prescriber with the Drug Enforcement Administration.
    UsDea = "us_dea",
    /// Individual Taxpayer Identification Number.
    UsItin = "us_itin",
    /// Medicare Beneficiary Identifier.
    UsMbi = "us_mbi",
    /// National Provider Identifier: Luhn with prefix 80840.
    UsNpi = "us_npi",
    /// Identity number: Luhn.
    ZaId = "za_id",
    /// The number of a passport beside the word, whatever the state.
    Passport = "passport",
}

/// Hands the numbers with letters in the token around a digit to `offer`.
pub(super) fn of_token(
    text: &str,
    digit: usize,
    token: Range<usize>,
    floor: usize,
    mut offer: impl FnMut(Span),
) {
    signed::of(text, digit, floor, &mut offer);
    letters::of(text, token, &mut offer);
}

/// Hands the numbers that groups of digits may be, or their first group, to `offer`.
pub(super) fn of_number(text: &str, number: &Number, mut offer: impl FnMut(Span)) {
    if number.has_plus || number.has_bracket {
        return;
    }
    digits::of(text, number, &mut offer);
    if number.lengths().len() > 1 && number.lengths()[0] >= 8 {
        digits::of(text, &number.first_group(), &mut offer);
    }
}

/// A social security number: area, group and serial number, none of them zero.
pub(super) fn ssn(text: &str, number: &Number) -> Option<Span> {
    let digits = number.digits();
    if digits.len() != 9 || number.has_bracket || number.has_plus || is_part(text, number) {
        return None;
    }
    let value =
        |digits: &[u8]| digits.iter().fold(0, |value, digit| value * 10 + u32::from(*digit));
    let (area, group, serial) = (value(&digits[..3]), value(&digits[3..5]), value(&digits[5..]));
    // Areas from 900 on are those of taxpayer numbers; 666 was never given.
    if area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0 {
        return None;
    }
    let named = || is_named(text, number.start, number.end, &["ssn", "social security"]);
    let confidence = if number.has_shape("3-2-4") {
        if named() { 0.95 } else { 0.8 }
    } else if number.has_shape("3.2.4") {
        if named() { 0.95 } else { 0.55 }
    } else if number.has_shape("3 2 4") {
        // A house number, too, may stand before a street that starts with digits.
        if named() { 0.95 } else { 0.4 }
    } else if ["9", "3-6", "5-4"].iter().any(|shape| number.has_shape(shape)) {
        if named() { 0.85 } else { 0.05 }
    } else {
        return None;
    };
    Some(Span { start: number.start, end: number.end, kind: Kind::Ssn, confidence })
}

/// Whether a number is part of a longer token or of more groups of digits.
fn is_part(text: &str, number: &Number) -> bool {
    let separator = number.separators().first().map(|byte| char::from(*byte));
    let behind = before(text, number.start);
    is_inside_token_before(text, number.start)
        || is_inside_token_after(text, number.end)
        || matches!(behind, Some('.' | '/' | ',' | '+' | '$' | '€' | '£' | '%' | '&' | '*' | '@'))
        || (separator.is_some()
            && separator == behind
            && text[..number.start - 1].ends_with(|c: char| c.is_ascii_digit()))
}

/// Whether one of the words, or one that any number of a state may have, stands near.
fn is_named(text: &str, start: usize, end: usize, words: &[&str]) -> bool {
    [words, &COMMON_WORDS].iter().any(|list| {
        has_word_before(text, start, REACH_BEFORE_BYTES, list)
            || has_word_behind(text, end, REACH_BEHIND_BYTES, list)
    })
}

/// Whether a word for a passport stands near.
fn is_near_passport(text: &str, start: usize, end: usize) -> bool {
    let words = &digits::PASSPORT_WORDS;
    has_word_before(text, start, REACH_BEFORE_BYTES, words)
        || has_word_behind(text, end, REACH_BEHIND_BYTES, words)
}
