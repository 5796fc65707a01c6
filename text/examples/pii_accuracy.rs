//! Precision and recall of `pii::Detector` against labelled sentences.
//!
//! `cargo run --release -p gristmill-text --example pii_accuracy -- FILE [--alone] [--show KIND]
//! [--json]`: each line has `text` and `spans` with `start` and `end` in code points and `type`, and
//! perhaps an `entity` that the line is a case of.
//!
//! By default the detector looks for everything, URLs and private addresses too. With `--alone`,
//! each line is asked for its entity alone, at any confidence and with the national formats of its
//! country, as tests of one recogniser are. `--show` prints what was missed (`-`) and wrongly found
//! (`+`) of a kind; `--json` prints the spans found instead of a table.

use std::collections::BTreeMap;
use std::error::Error;

use text::pii::{Detector, Kind, Options, Region};

/// Found and right, found and wrong, missed, lines in which all was right, lines.
type Tally = [usize; 5];

/// Start, end and kind.
type Piece = (usize, usize, &'static str);

struct Arguments {
    file: String,
    is_alone: bool,
    shown: Option<String>,
    is_json: bool,
}

#[expect(clippy::print_stdout, reason = "the result of a measuring program")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for line in std::fs::read_to_string(&arguments.file)?.lines() {
        let row: serde_json::Value = serde_json::from_str(line)?;
        let text = row["text"].as_str().unwrap_or_default();
        let entity = row["entity"].as_str();
        let gold = gold_spans(text, &row);
        let found: Vec<Piece> = detector(entity.filter(|_| arguments.is_alone))
            .spans(text)
            .iter()
            .map(|span| (span.start, span.end, name(span.kind)))
            .collect();
        if arguments.is_json {
            let is_claimed = entity.and_then(kind_of).is_some();
            let found: Vec<_> = found
                .iter()
                .map(|(start, end, kind)| {
                    let place = |offset: usize| text[..offset].chars().count();
                    serde_json::json!({"start": place(*start), "end": place(*end), "kind": kind})
                })
                .collect();
            println!(
                "{}",
                serde_json::json!({"id": row["id"], "is_claimed": is_claimed, "spans": found})
            );
            continue;
        }
        let asked = entity.map(|entity| kind_of(entity).map_or("", name));
        for difference in tally(&mut tallies, &gold, &found, asked) {
            let (sign, (start, end, kind)) = difference;
            if arguments.shown.as_deref().is_some_and(|shown| shown == kind || shown == "all") {
                println!("{sign} {kind} {:?} in {text:?}", &text[start..end]);
            }
        }
    }
    for (kind, [right, wrong, missed, passed, lines]) in tallies {
        let share = |whole: usize| right as f64 / whole.max(1) as f64;
        let (precision, recall) = (share(right + wrong), share(right + missed));
        println!(
            "{kind:20} precision {precision:.3} recall {recall:.3} (+{wrong} -{missed} of {}), cases {passed}/{lines}",
            right + missed
        );
    }
    Ok(())
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut rest = std::env::args().skip(1);
    let file = rest.next().ok_or("the first argument is a file of labelled sentences")?;
    let mut arguments = Arguments { file, is_alone: false, shown: None, is_json: false };
    while let Some(flag) = rest.next() {
        match flag.as_str() {
            "--alone" => arguments.is_alone = true,
            "--json" => arguments.is_json = true,
            "--show" => arguments.shown = rest.next(),
            _ => return Err(format!("{flag} is no option").into()),
        }
    }
    Ok(arguments)
}

/// A detector of everything, or of one entity alone.
fn detector(entity: Option<&str>) -> Detector {
    let Some(entity) = entity else { return Detector::new(Options::everything()) };
    Detector::new(Options {
        kinds: kind_of(entity).into_iter().collect(),
        min_confidence: 0.0,
        default_region: entity
            .get(..2)
            .and_then(Region::of)
            .filter(|_| entity.contains("PHONE") || entity.contains("MOBILE")),
        ..Options::everything()
    })
}

/// Counts the spans of a line and gives those that differ.
fn tally(
    tallies: &mut BTreeMap<&'static str, Tally>,
    gold: &[Piece],
    found: &[Piece],
    asked: Option<&'static str>,
) -> Vec<(char, Piece)> {
    // The line of a case is about its entity alone: what else is found in it has no label.
    let is_asked = |piece: &&Piece| asked.is_none_or(|kind| kind == piece.2);
    let overlaps = |a: &Piece, b: &Piece| a.2 == b.2 && a.0 < b.1 && b.0 < a.1;
    let mut differences = Vec::new();
    for piece in found.iter().filter(is_asked) {
        let is_right = gold.iter().any(|gold| overlaps(gold, piece));
        tallies.entry(piece.2).or_default()[usize::from(!is_right)] += 1;
        if !is_right {
            differences.push(('+', *piece));
        }
    }
    for piece in gold.iter().filter(is_asked) {
        if !found.iter().any(|found| overlaps(piece, found)) {
            tallies.entry(piece.2).or_default()[2] += 1;
            differences.push(('-', *piece));
        }
    }
    if let Some(kind) = asked.filter(|kind| !kind.is_empty()) {
        let tally = tallies.entry(kind).or_default();
        tally[3] += usize::from(differences.is_empty());
        tally[4] += 1;
    }
    differences
}

/// The name of a kind, or of the national number.
fn name(kind: Kind) -> &'static str {
    kind.scheme().unwrap_or(kind.as_str())
}

/// The kind that stands for a type of label.
fn kind_of(label: &str) -> Option<Kind> {
    let name = match label {
        "EMAIL_ADDRESS" => "email",
        "IP_ADDRESS" => "ip",
        "MAC_ADDRESS" => "mac",
        "PHONE" | "PHONE_NUMBER" | "PH_MOBILE_NUMBER" | "TR_PHONE_NUMBER" => "phone",
        "CREDIT_CARD" => "card",
        "IBAN_CODE" => "iban",
        "US_SSN" => "ssn",
        "URL" | "DOMAIN_NAME" => "url",
        "CRYPTO" => "crypto",
        "AU_ABN" => "au_abn",
        "AU_MEDICARE" => "au_medicare",
        "AU_TFN" => "au_tfn",
        "CA_SIN" => "ca_sin",
        "DE_HEALTH_INSURANCE" => "de_health",
        "DE_LANR" => "de_lanr",
        "DE_PASSPORT" | "DE_ID_CARD" => "de_passport",
        "DE_SOCIAL_SECURITY" => "de_social_security",
        "DE_TAX_ID" => "de_tax_id",
        "ES_NIE" => "es_nie",
        "ES_NIF" => "es_nif",
        "FI_PERSONAL_IDENTITY_CODE" => "fi_hetu",
        "IN_AADHAAR" => "in_aadhaar",
        "IN_GSTIN" => "in_gstin",
        "IN_PAN" => "in_pan",
        "IT_FISCAL_CODE" => "it_codice_fiscale",
        "KR_FRN" => "kr_frn",
        "KR_RRN" => "kr_rrn",
        "MEDICAL_LICENSE" => "us_dea",
        "NG_NIN" => "ng_nin",
        "PH_TIN" => "ph_tin",
        "PL_PESEL" => "pl_pesel",
        "SE_PERSONNUMMER" => "se_personnummer",
        "SG_NRIC_FIN" => "sg_nric",
        "TH_TNIN" => "th_national_id",
        "TR_NATIONAL_ID" => "tr_national_id",
        "UK_DRIVING_LICENCE" => "uk_driving_licence",
        "UK_NHS" => "uk_nhs",
        "UK_NINO" => "uk_nino",
        "US_ITIN" => "us_itin",
        "US_MBI" => "us_mbi",
        "US_NPI" => "us_npi",
        "ZA_ID_NUMBER" => "za_id",
        _ => return None,
    };
    Kind::named(name).first().copied()
}

/// The labelled spans of our kinds, in bytes.
fn gold_spans(text: &str, row: &serde_json::Value) -> Vec<Piece> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).collect();
    offsets.push(text.len());
    let spans = row["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let offset = |value: &serde_json::Value| Some(*offsets.get(value.as_u64()? as usize)?);
    spans
        .iter()
        .filter_map(|span| {
            let kind = kind_of(span["type"].as_str()?)?;
            Some((offset(&span["start"])?, offset(&span["end"])?, name(kind)))
        })
        .collect()
}
