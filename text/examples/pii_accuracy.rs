//! Measures the precision and recall of `pii::Detector` on labelled sentences.
//!
//! `cargo run --release -p gristmill-text --example pii_accuracy -- FILE [--alone] [--show KIND]
//! [--json]`: each line of the file has a `text`. It may have `spans` with `start` and `end` in
//! code points and a `type`, and an `entity` if the line is a test case for that entity.
//!
//! By default the detector searches for everything, including URLs and private addresses. With
//! `--alone`, each line is searched only for its entity, at any confidence and with the national
//! formats of its country, like a test of a single recogniser. `--show` prints what was missed
//! (`-`) and wrongly found (`+`) of a kind. `--json` prints the spans found instead of a table.

use std::collections::BTreeMap;
use std::error::Error;

use text::pii::{Detector, Kind, Options, Region};

/// Counts of: correct spans, wrong spans, missed spans, lines without mistakes, lines.
type Tally = [usize; 5];

/// The start, end and kind of a span.
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
        let text = row["text"].as_str().ok_or("a line has no text")?;
        let entity = row["entity"].as_str();
        let gold = gold_spans(text, &row)?;
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
            "{kind:20} precision {precision:.3} recall {recall:.3} (+{wrong} -{missed} of {}), \
             cases {passed}/{lines}",
            right + missed
        );
    }
    Ok(())
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut rest = std::env::args().skip(1);
    let file = rest.next().ok_or("the first argument must be a file of labelled sentences")?;
    let mut arguments = Arguments { file, is_alone: false, shown: None, is_json: false };
    while let Some(flag) = rest.next() {
        match flag.as_str() {
            "--alone" => arguments.is_alone = true,
            "--json" => arguments.is_json = true,
            "--show" => {
                arguments.shown = Some(rest.next().ok_or("--show must be followed by a kind")?);
            }
            _ => return Err(format!("{flag} is not an option").into()),
        }
    }
    Ok(arguments)
}

/// A detector of everything, or of one entity only.
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

/// Counts the spans of a line and returns those that differ.
fn tally(
    tallies: &mut BTreeMap<&'static str, Tally>,
    gold: &[Piece],
    found: &[Piece],
    asked: Option<&'static str>,
) -> Vec<(char, Piece)> {
    // A line of a test case has labels only for its entity, so other spans are ignored.
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

/// The kind that corresponds to a type of label, or `None` if the detector has no such kind.
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

/// The labelled spans of our kinds, in bytes. Lines without labels have none.
fn gold_spans(text: &str, row: &serde_json::Value) -> Result<Vec<Piece>, Box<dyn Error>> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).collect();
    offsets.push(text.len());
    let offset = |value: &serde_json::Value| {
        let place = value.as_u64().and_then(|place| offsets.get(place as usize)).copied();
        place.ok_or_else(|| format!("an offset is outside of the text: {row}"))
    };
    let mut gold = Vec::new();
    for span in row["spans"].as_array().into_iter().flatten() {
        let label = span["type"].as_str().ok_or("a span has no type")?;
        if let Some(kind) = kind_of(label) {
            gold.push((offset(&span["start"])?, offset(&span["end"])?, name(kind)));
        }
    }
    Ok(gold)
}
