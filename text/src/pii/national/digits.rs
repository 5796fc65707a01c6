//! Rules for numbers that consist of digits only.

use super::check::{is_day, is_repeated, iso_7064_11_10, luhn, verhoeff};
use super::{CHECKED, DATED, Kind, NAMED, NationalId, Number, Span, is_named, is_part, states};

/// The rule by which a kind of number is recognised.
struct Rule {
    id: NationalId,
    /// The possible numbers of digits if it is written without separators. Empty if it never is.
    plain: &'static [usize],
    /// The confidence without separators and without a word about it.
    plain_confidence: f32,
    /// The shapes with separators (see [`Number::has_shape`]), and the confidence of each.
    shapes: &'static [(&'static str, f32)],
    check: fn(&[u8]) -> bool,
    /// Words about it, in lower case.
    words: &'static [&'static str],
}

/// A rule whose check does not look at a date of birth.
const fn rule(
    id: NationalId,
    plain: &'static [usize],
    shapes: &'static [(&'static str, f32)],
    check: fn(&[u8]) -> bool,
    words: &'static [&'static str],
) -> Rule {
    Rule { id, plain, plain_confidence: CHECKED, shapes, check, words }
}

/// A rule whose check includes a date of birth.
const fn dated(
    id: NationalId,
    plain: &'static [usize],
    shapes: &'static [(&'static str, f32)],
    check: fn(&[u8]) -> bool,
    words: &'static [&'static str],
) -> Rule {
    Rule { plain_confidence: DATED, ..rule(id, plain, shapes, check, words) }
}

/// The rules. Those with stronger checks come first, because the first of two equally confident
/// matches is reported. Sources: the publications of the states' authorities, as collected in the
/// Wikipedia article "National identification number" and the documentation of `python-stdnum`.
const RULES: [Rule; 40] = {
    use NationalId as Id;
    [
        Rule {
            plain_confidence: 0.85,
            ..rule(Id::CnResident, &[18], &[], states::is_cn_resident, &["身份", "resident id"])
        },
        rule(
            Id::FrNir,
            &[15],
            &[("1 2 2 2 3 3 2", 0.9), ("1.2.2.2.3.3.2", 0.9), ("d 2", 0.6)],
            states::is_fr_nir,
            &["sécurité sociale", "nir ", "insee", "sécu "],
        ),
        rule(
            Id::ChAhv,
            &[13],
            &[("3.4.4.2", 0.95)],
            states::is_ch_ahv,
            &["ahv", "avs", "sozialversicherung"],
        ),
        rule(Id::BrCnpj, &[14], &[("2.3.3/4-2", 0.95)], states::is_br_cnpj, &["cnpj"]),
        rule(Id::BrCpf, &[11], &[("3.3.3-2", 0.95)], states::is_br_cpf, &["cpf"]),
        rule(
            Id::BeNational,
            &[11],
            &[("2.2.2-3.2", 0.95)],
            states::is_be_national,
            &["rijksregister", "registre national", "niss", "insz"],
        ),
        dated(
            Id::ZaId,
            &[13],
            &[("6 4 3", 0.7), ("6 4 2 1", 0.7)],
            states::is_za_id,
            &["rsa id", "south african", "refugee id", "id:"],
        ),
        dated(
            Id::NoFodselsnummer,
            &[11],
            &[("6 5", 0.75)],
            states::is_no_fodselsnummer,
            &["fødselsnummer", "personnummer", "fnr"],
        ),
        rule(
            Id::TrNationalId,
            &[11],
            &[],
            states::is_tr_national_id,
            &["kimlik", "tckn", "tc no", "t.c.", "turkish"],
        ),
        dated(Id::EeIsikukood, &[11], &[], states::is_ee_isikukood, &["isikukood", "asmens kodas"]),
        dated(Id::PlPesel, &[11], &[], states::is_pl_pesel, &["pesel"]),
        dated(Id::RoCnp, &[13], &[], states::is_ro_cnp, &["cnp ", "cod numeric"]),
        rule(
            Id::ThNationalId,
            &[13],
            &[("1-4-5-2-1", 0.9), ("1 4 5 2 1", 0.85)],
            states::is_th_national_id,
            &["thai", "tnin", "บัตรประชาชน", "ประจำตัวประชาชน"],
        ),
        dated(
            Id::KrRrn,
            &[13],
            &[("6-7", 0.8)],
            |digits| states::is_kr(digits, 1..=4),
            &["rrn", "주민", "resident registration"],
        ),
        dated(
            Id::KrFrn,
            &[13],
            &[("6-7", 0.75)],
            |digits| states::is_kr(digits, 5..=8),
            &["frn", "외국인", "foreigner registration", "alien registration"],
        ),
        dated(
            Id::SePersonnummer,
            &[10, 12],
            &[("6-4", 0.75), ("8-4", 0.85)],
            states::is_se_personnummer,
            &["personnummer", "pnr", "personnr"],
        ),
        dated(Id::CzBirth, &[10], &[("6/4", 0.85)], states::is_cz_birth, &["rodné", "r.č.", "rč "]),
        rule(
            Id::RuSnils,
            &[11],
            &[("3-3-3 2", 0.9), ("3-3-3-2", 0.9)],
            states::is_ru_snils,
            &["снилс", "snils"],
        ),
        rule(Id::ArCuil, &[11], &[("2-8-1", 0.9)], states::is_ar_cuil, &["cuil", "cuit"]),
        rule(
            Id::DeTaxId,
            &[11],
            &[("2 3 3 3", 0.55)],
            states::is_de_tax_id,
            &["steuer", "idnr", "id-nr", "tin "],
        ),
        rule(
            Id::HrOib,
            &[11],
            &[],
            |digits| iso_7064_11_10(digits) && !is_repeated(digits),
            &["oib"],
        ),
        rule(Id::AuAbn, &[11], &[("2 3 3 3", 0.6)], states::is_au_abn, &["abn", "business number"]),
        rule(
            Id::InAadhaar,
            &[12],
            &[("4-4-4", 0.55), ("4 4 4", 0.4)],
            states::is_in_aadhaar,
            &["aadhaar", "aadhar", "uidai", "आधार"],
        ),
        rule(
            Id::JpMyNumber,
            &[12],
            &[("4-4-4", 0.4), ("4 4 4", 0.4)],
            states::is_jp_my_number,
            &["マイナンバー", "個人番号", "my number "],
        ),
        rule(
            Id::NgNin,
            &[11],
            &[],
            |digits| verhoeff(digits) && !is_repeated(digits),
            &["nin ", "nimc", "national identification number"],
        ),
        rule(Id::UkNhs, &[10], &[("3 3 4", 0.5), ("3-3-4", 0.3)], states::is_uk_nhs, &["nhs"]),
        rule(
            Id::AuMedicare,
            &[10, 11],
            &[("4 5 1", 0.75), ("4 5 2", 0.7)],
            states::is_au_medicare,
            &["medicare"],
        ),
        rule(
            Id::UsNpi,
            &[10],
            &[("4 3 3", 0.4), ("4-3-3", 0.4)],
            states::is_us_npi,
            &["npi", "provider"],
        ),
        rule(
            Id::CaSin,
            &[9],
            &[("3-3-3", 0.6), ("3 3 3", 0.3)],
            states::is_ca_sin,
            &["sin ", "nas ", "canad"],
        ),
        rule(Id::AuTfn, &[8, 9], &[("3 3 3", 0.3)], states::is_au_tfn, &["tfn", "tax file"]),
        rule(
            Id::NlBsn,
            &[9],
            &[("4.2.3", 0.7)],
            states::is_nl_bsn,
            &["bsn", "burgerservice", "sofinummer"],
        ),
        rule(Id::PtNif, &[9], &[("3 3 3", 0.3)], states::is_pt_nif, &["nif ", "contribuinte"]),
        rule(
            Id::IlId,
            &[9],
            &[],
            |digits| luhn(digits) && !is_repeated(digits),
            &["teudat", "ת.ז", "תעודת"],
        ),
        rule(Id::DeLanr, &[9], &[], states::is_de_lanr, &["lanr", "arztnummer"]),
        rule(
            Id::PhTin,
            &[9, 12],
            &[("3-3-3-3", 0.6), ("3-3-3", 0.4)],
            states::is_ph_tin,
            &["tin ", "bir "],
        ),
        rule(
            Id::UsItin,
            &[9],
            &[("3-2-4", 0.8), ("3 2 4", 0.4)],
            states::is_us_itin,
            &["itin", "taxpayer"],
        ),
        rule(
            Id::DkCpr,
            &[],
            &[("6-4", 0.3)],
            |digits| is_day(&digits[2..4], &digits[..2]),
            &["cpr", "personnummer"],
        ),
        rule(
            Id::FrNir,
            &[13],
            &[("1 2 2 2 3 3", 0.6)],
            states::is_fr_birth,
            &["sécurité sociale", "nir ", "insee", "sécu "],
        ),
        rule(
            Id::ClRut,
            &[8, 9],
            &[("2.3.3-1", 0.9), ("1.3.3-1", 0.85), ("8-1", 0.55)],
            states::is_cl_rut,
            &["rut ", "run ", "r.u.t"],
        ),
        rule(Id::Passport, &[8, 9], &[], |digits| !is_repeated(digits), &PASSPORT_WORDS),
    ]
};

/// Words for passport, in lower case.
pub(super) const PASSPORT_WORDS: [&str; 14] = [
    "passport",
    "pasaporte",
    "passeport",
    "passaporto",
    "passaporte",
    "reisepass",
    "pass-nr",
    "paspoort",
    "паспорт",
    "护照",
    "護照",
    "여권",
    "旅券",
    "travel document",
];

/// Calls `offer` with the national numbers that groups of digits may be.
pub(super) fn of(text: &str, number: &Number, offer: &mut impl FnMut(Span)) {
    let digits = number.digits();
    if digits.len() < 8 || is_part(text, number) {
        return;
    }
    let is_plain = number.lengths().len() == 1;
    for rule in &RULES {
        let confidence = if is_plain {
            rule.plain.contains(&digits.len()).then_some(rule.plain_confidence)
        } else {
            rule.shapes
                .iter()
                .find(|(shape, _)| number.has_shape(shape))
                .map(|(_, confidence)| *confidence)
        };
        let Some(confidence) = confidence.filter(|_| (rule.check)(digits)) else { continue };
        let is_passport = rule.id == NationalId::Passport;
        let is_named = is_named(text, number.start, number.end, rule.words)
            && (!is_passport || super::is_near_passport(text, number.start, number.end));
        let confidence = if is_named { NAMED.max(confidence) } else { confidence };
        if !is_passport || is_named {
            let kind = Kind::NationalId(rule.id);
            offer(Span { start: number.start, end: number.end, kind, confidence });
        }
    }
}
