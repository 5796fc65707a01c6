//! Converts labels of fastText models to codes of languages and scripts.

use super::Language;
use crate::fasttext::LABEL_PREFIX;

/// Codes that occur in labels, mostly of ISO 639-3, with the ISO 639-1 codes of the same languages
/// or of the languages that include them: <https://iso639-3.sil.org/code_tables/639/data>.
const SHORTER: &str = "\
    afr:af aka:ak twi:ak amh:am ara:ar arb:ar arg:an asm:as aym:ay ayr:ay aze:az azj:az \
    bak:ba bam:bm bel:be ben:bn bod:bo bos:bs bre:br bul:bg cat:ca ces:cs chv:cv cmn:zh cos:co \
    cym:cy dan:da deu:de div:dv dzo:dz ekk:et ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo \
    fas:fa fij:fj fin:fi fra:fr fry:fy ful:ff gaz:om gla:gd gle:ga glg:gl glv:gv grn:gn gug:gn \
    guj:gu hat:ht hau:ha heb:he hin:hi hrv:hr hun:hu hye:hy ibo:ig ido:io ina:ia ind:id isl:is \
    ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks kat:ka kaz:kk khk:mn khm:km kik:ki kin:rw kir:ky \
    kmr:ku kon:kg kor:ko kur:ku lao:lo lat:la lav:lv lim:li lin:ln lit:lt ltz:lb lug:lg lvs:lv \
    mal:ml mar:mr mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nav:nv nbl:nr nep:ne nld:nl \
    nno:nn nob:nb nor:nb no:nb npi:ne nya:ny oci:oc ori:or orm:om ory:or oss:os pan:pa pbt:ps \
    pes:fa plt:mg pol:pl por:pt pus:ps que:qu quy:qu roh:rm ron:ro run:rn rus:ru sag:sg san:sa \
    sin:si slk:sk slv:sl sme:se smo:sm sna:sn snd:sd som:so sot:st spa:es sqi:sq srd:sc srp:sr \
    ssw:ss sun:su swa:sw swe:sv swh:sw tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl tha:th tir:ti \
    ton:to tsn:tn tso:ts tuk:tk tur:tr uig:ug ukr:uk urd:ur uzb:uz uzn:uz ven:ve vie:vi vol:vo \
    wln:wa wol:wo xho:xh ydd:yi yid:yi yor:yo zho:zh zlm:ms zsm:ms zul:zu";

/// A language, and its script if the label names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    code: String,
    script: Option<String>,
}

impl Label {
    /// Parses labels such as `__label__en`, `__label__eng_Latn`, `zh-Hans` or `cmn_Hani`. Parts
    /// after the language that are not a script, such as a country, are ignored.
    pub(super) fn parse(label: &str) -> Self {
        let label = label.strip_prefix(LABEL_PREFIX).unwrap_or(label);
        let (code, rest) = label.split_once(['_', '-']).unwrap_or((label, ""));
        let mut parts = rest.split(['_', '-']);
        let code = code.to_ascii_lowercase();
        let mut pairs = SHORTER.split_ascii_whitespace().filter_map(|pair| pair.split_once(':'));
        let shorter = pairs.find(|(long, _)| *long == code);
        let is_script = |part: &&str| {
            part.len() == 4
                && part.starts_with(|c: char| c.is_ascii_uppercase())
                && part[1..].bytes().all(|byte| byte.is_ascii_lowercase())
        };
        let script = parts.find(is_script).map(|script| {
            // Simplified and traditional Chinese are one script here, as in the embedded model.
            if matches!(script, "Hans" | "Hant") { "Hani".to_owned() } else { script.to_owned() }
        });
        Self { code: shorter.map_or(code, |(_, short)| (*short).to_owned()), script }
    }

    /// The detected language. `script` is that of the text's letters; it is used if the label names
    /// none.
    pub(super) fn language(&self, script: &'static str, confidence: f32) -> Language<'_> {
        Language { code: &self.code, script: self.script.as_deref().unwrap_or(script), confidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_a_code_and_perhaps_a_script() {
        let check = |label: &str, code: &str, script: Option<&str>| {
            let script = script.map(str::to_owned);
            assert_eq!(Label::parse(label), Label { code: code.to_owned(), script }, "{label}");
        };
        check("__label__en", "en", None);
        check("__label__eng_Latn", "en", Some("Latn"));
        check("__label__cmn_Hant", "zh", Some("Hani"));
        check("__label__pt-BR", "pt", None);
        check("__label__ceb", "ceb", None);
        check("", "", None);
    }
}
