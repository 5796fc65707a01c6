//! The scripts of characters, as far as the languages of the model need them.

use std::sync::LazyLock;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::plane::Plane;

/// A writing system. The ranges follow `Scripts.txt` of Unicode 16, block by block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Devanagari,
    Han,
    Kana,
    Hebrew,
    Ethiopic,
    Bengali,
    Greek,
    Armenian,
    Syriac,
    Thaana,
    Nko,
    Gurmukhi,
    Gujarati,
    Oriya,
    Tamil,
    Telugu,
    Kannada,
    Malayalam,
    Sinhala,
    Thai,
    Lao,
    Tibetan,
    Myanmar,
    Georgian,
    Hangul,
    Cherokee,
    Aboriginal,
    Khmer,
    Mongolian,
    OlChiki,
    Tifinagh,
    Meetei,
}

/// Number of scripts.
pub(super) const SCRIPTS: usize = Script::Meetei as usize + 1;

/// All scripts, in order.
pub(super) const ALL: [Script; SCRIPTS] = [
    Script::Latin,
    Script::Cyrillic,
    Script::Arabic,
    Script::Devanagari,
    Script::Han,
    Script::Kana,
    Script::Hebrew,
    Script::Ethiopic,
    Script::Bengali,
    Script::Greek,
    Script::Armenian,
    Script::Syriac,
    Script::Thaana,
    Script::Nko,
    Script::Gurmukhi,
    Script::Gujarati,
    Script::Oriya,
    Script::Tamil,
    Script::Telugu,
    Script::Kannada,
    Script::Malayalam,
    Script::Sinhala,
    Script::Thai,
    Script::Lao,
    Script::Tibetan,
    Script::Myanmar,
    Script::Georgian,
    Script::Hangul,
    Script::Cherokee,
    Script::Aboriginal,
    Script::Khmer,
    Script::Mongolian,
    Script::OlChiki,
    Script::Tifinagh,
    Script::Meetei,
];

/// ISO 15924 codes, in the order of the scripts: <https://www.unicode.org/iso15924>.
const CODES: [&str; SCRIPTS] = [
    "Latn", "Cyrl", "Arab", "Deva", "Hani", "Jpan", "Hebr", "Ethi", "Beng", "Grek", "Armn", "Syrc",
    "Thaa", "Nkoo", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh", "Thai", "Laoo",
    "Tibt", "Mymr", "Geor", "Hang", "Cher", "Cans", "Khmr", "Mong", "Olck", "Tfng", "Mtei",
];

impl Script {
    /// The ISO 15924 code. Kana counts as Japanese, which mixes it with Han.
    pub(super) fn code(self) -> &'static str {
        CODES[self as usize]
    }

    /// The weight of a letter compared to a Latin one. Letters of other scripts count more, because
    /// names, links and code put Latin letters into texts of all languages, but rarely the other
    /// way round. Chinese, Japanese and Korean letters count twice as much again, because they
    /// stand for more text than a letter of an alphabet.
    pub(super) fn weight(self) -> usize {
        match self {
            Script::Latin => 1,
            Script::Han | Script::Kana | Script::Hangul => 6,
            _ => 3,
        }
    }
}

/// The role of a character in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A letter, or a mark that belongs to one script.
    Letter(Script),
    /// A combining mark of all scripts. It belongs to the letter before it.
    Mark,
    /// Any other character: spaces, digits, punctuation and symbols, which end a word.
    Gap,
}

static ROLES: LazyLock<Plane<Role>> = LazyLock::new(|| Plane::new(role_of, Role::Gap));

/// The role of a character.
pub(super) fn role(character: char) -> Role {
    ROLES.get(character)
}

fn role_of(character: char) -> Role {
    if character.is_ascii() {
        return if character.is_ascii_alphabetic() {
            Role::Letter(Script::Latin)
        } else {
            Role::Gap
        };
    }
    match character {
        '×' | '÷' => Role::Gap,
        '\u{c0}'..='\u{24f}' => Role::Letter(Script::Latin),
        '\u{300}'..='\u{36f}' => Role::Mark,
        _ if is_word_part(character) => block(character as u32).map_or(Role::Gap, Role::Letter),
        _ => Role::Gap,
    }
}

/// Whether a character is a letter or a mark. In Indic scripts, marks stand for vowels.
fn is_word_part(character: char) -> bool {
    character.is_alphabetic() || character.general_category_group() == GeneralCategoryGroup::Mark
}

/// The script of a letter or mark above Latin Extended-B.
fn block(point: u32) -> Option<Script> {
    Some(match point {
        0x250..=0x2ff
        | 0x1d00..=0x1dbf
        | 0x1e00..=0x1eff
        | 0x2c60..=0x2c7f
        | 0xa720..=0xa7ff
        | 0xfb00..=0xfb06
        | 0xff21..=0xff5a => Script::Latin,
        0x370..=0x3ff | 0x1f00..=0x1fff => Script::Greek,
        0x400..=0x52f | 0x1c80..=0x1c8f | 0x2de0..=0x2dff | 0xa640..=0xa69f => Script::Cyrillic,
        0x530..=0x58f | 0xfb13..=0xfb17 => Script::Armenian,
        0x590..=0x5ff | 0xfb1d..=0xfb4f => Script::Hebrew,
        0x600..=0x6ff | 0x750..=0x77f | 0x8a0..=0x8ff | 0xfb50..=0xfdff | 0xfe70..=0xfefe => {
            Script::Arabic
        }
        0x700..=0x74f => Script::Syriac,
        0x780..=0x7bf => Script::Thaana,
        0x7c0..=0x7ff => Script::Nko,
        0x900..=0x97f | 0xa8e0..=0xa8ff => Script::Devanagari,
        0x980..=0x9ff => Script::Bengali,
        0xa00..=0xa7f => Script::Gurmukhi,
        0xa80..=0xaff => Script::Gujarati,
        0xb00..=0xb7f => Script::Oriya,
        0xb80..=0xbff => Script::Tamil,
        0xc00..=0xc7f => Script::Telugu,
        0xc80..=0xcff => Script::Kannada,
        0xd00..=0xd7f => Script::Malayalam,
        0xd80..=0xdff => Script::Sinhala,
        0xe00..=0xe7f => Script::Thai,
        0xe80..=0xeff => Script::Lao,
        0xf00..=0xfff => Script::Tibetan,
        0x1000..=0x109f | 0xa9e0..=0xa9ff | 0xaa60..=0xaa7f => Script::Myanmar,
        0x10a0..=0x10ff | 0x1c90..=0x1cbf | 0x2d00..=0x2d2f => Script::Georgian,
        0x1100..=0x11ff | 0x3130..=0x318f | 0xa960..=0xa97f | 0xac00..=0xd7ff => Script::Hangul,
        0x1200..=0x139f | 0x2d80..=0x2ddf | 0xab00..=0xab2f => Script::Ethiopic,
        0x13a0..=0x13ff | 0xab70..=0xabbf => Script::Cherokee,
        0x1400..=0x167f | 0x18b0..=0x18ff => Script::Aboriginal,
        0x1780..=0x17ff => Script::Khmer,
        0x1800..=0x18af => Script::Mongolian,
        0x1c50..=0x1c7f => Script::OlChiki,
        0x2d30..=0x2d7f => Script::Tifinagh,
        0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f => Script::Kana,
        0x3005
        | 0x3007
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xf900..=0xfaff
        | 0x20000..=0x323af => Script::Han,
        0xabc0..=0xabff => Script::Meetei,
        _ => return None,
    })
}
