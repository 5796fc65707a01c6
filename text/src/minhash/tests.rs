use std::collections::BTreeMap;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

const SCHEMES: [Scheme; 4] = [
    Scheme::Fast,
    Scheme::FineWeb,
    Scheme::Datatrove { hash: DatatroveHash::Xxhash },
    Scheme::Datatrove { hash: DatatroveHash::Sha1 },
];

fn sign(hasher: &MinHasher, text: &str) -> Signature {
    let mut signature = Signature::default();
    hasher.sign(text, &mut Scratch::default(), &mut signature);
    signature
}

/// A text made of the random words whose numbers are in `range`.
fn text(range: std::ops::Range<u64>) -> String {
    let word = |index: u64| {
        let letters = mix(index + 1).to_string().into_bytes();
        let word: String = letters.iter().map(|digit| char::from(digit - b'0' + b'a')).collect();
        format!("{word} ")
    };
    range.map(word).collect()
}

#[test]
fn the_estimate_is_near_the_jaccard_similarity() {
    let mut scratch = Scratch::default();
    for scheme in SCHEMES {
        let hasher = MinHasher::new(MinHashConfig { bands: 128, ..MinHashConfig::new(scheme) });
        // A long text fills all bins in one round; a short text needs many rounds.
        for (words, shift) in [(450, 0), (450, 50), (450, 450), (9000, 2000), (30, 4), (8, 1)] {
            let (a, b) = (text(0..words), text(shift..shift + words));
            let [mut a_set, mut b_set] = [Vec::new(), Vec::new()];
            hasher.shingles(&a, &mut scratch, &mut a_set);
            hasher.shingles(&b, &mut scratch, &mut b_set);
            let shingles = (words - 4) as f64;
            let shared = (shingles - shift as f64).max(0.0);
            let truth = shared / (2.0 * shingles - shared);
            assert!((jaccard(&a_set, &b_set) - truth).abs() < 1e-9);
            let (a, b) = (sign(&hasher, &a), sign(&hasher, &b));
            assert_eq!(u64::from(a.shingles), words - 4);
            let estimate = estimate_jaccard(&a.sketch, &b.sketch);
            // Four standard errors of 1,024 trials.
            assert!((estimate - truth).abs() < 4.0 * 0.5 / 32.0, "{scheme:?} {words} {shift}");
        }
    }
}

#[test]
fn short_texts_have_no_keys() {
    for scheme in SCHEMES {
        let hasher = MinHasher::new(MinHashConfig::new(scheme));
        assert_eq!(sign(&hasher, "one two three four"), Signature::default());
        assert!(hasher.minima("", &mut Scratch::default()).is_empty());
        let five = sign(&hasher, "one, two; three four FIVE");
        assert_eq!((five.keys.len(), five.sketch.len(), five.shingles), (14, 112, 1));
        assert_eq!(sign(&hasher, "One two three four five!"), five);
    }
}

#[test]
fn repetitions_cost_no_rounds() {
    let hasher = MinHasher::new(MinHashConfig::new(Scheme::Fast));
    let mut once = sign(&hasher, "again again again again again");
    let many = sign(&hasher, &"again ".repeat(3_000_000));
    assert_eq!(many.shingles, 2_999_996);
    once.shingles = many.shingles;
    assert_eq!(once, many);
}

#[test]
fn minima_are_bounded() {
    for (bands, rows) in [(0, 0), (usize::MAX, 3), (2, usize::MAX)] {
        for precision in [Precision::Bits32, Precision::Bits64] {
            let config = MinHashConfig::new(Scheme::Fast);
            let config = MinHashConfig { bands, rows, ngram_words: 0, precision, ..config };
            let hasher = MinHasher::new(config);
            let MinHashConfig { bands, rows, .. } = hasher.config;
            assert!((1..=MAX_HASHES).contains(&(bands * rows)));
            assert_eq!(sign(&hasher, "a b").keys.len(), bands);
        }
    }
}

fn data() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "names the folder of the golden vectors")]
    let data = std::env::var("GRISTMILL_DATA").ok();
    if data.is_none() {
        println!("skipped: GRISTMILL_DATA is not set");
    }
    data
}

const DATATROVE: [(&str, DatatroveHash, Precision); 4] = [
    ("xxhash64", DatatroveHash::Xxhash, Precision::Bits64),
    ("sha164", DatatroveHash::Sha1, Precision::Bits64),
    ("xxhash32", DatatroveHash::Xxhash, Precision::Bits32),
    ("sha132", DatatroveHash::Sha1, Precision::Bits32),
];

fn datatrove(hash: DatatroveHash, precision: Precision) -> MinHasher {
    MinHasher::new(MinHashConfig { precision, ..MinHashConfig::new(Scheme::Datatrove { hash }) })
}

fn little_endian(minima: &[u64], precision: Precision) -> Vec<u8> {
    let bytes = if precision == Precision::Bits32 { 4 } else { 8 };
    minima.iter().flat_map(|minimum| minimum.to_le_bytes()[..bytes].to_vec()).collect()
}

#[test]
fn minima_equal_datatrove() {
    let Some(data) = data() else { return };
    let json = std::fs::read_to_string(format!("{data}/golden/datatrove_0.10_golden.json"));
    let golden: serde_json::Value = serde_json::from_str(&json.unwrap()).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<u64> {
        value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
    };
    let mut scratch = Scratch::default();
    let mut compared = 0;
    for (name, hash, precision) in DATATROVE {
        let hasher = datatrove(hash, precision);
        for (title, entry) in golden["texts"].as_object().unwrap() {
            let minima = hasher.minima(entry["text"].as_str().unwrap(), &mut scratch);
            let count = entry[format!("shingles_{name}_n")].as_u64().unwrap_or(0);
            assert_eq!(scratch.shingles.len() as u64, count, "{title} {name}");
            if count == 0 {
                assert!(minima.is_empty());
                assert!(entry.get(format!("sig_{name}_sha256")).is_none(), "{title} {name}");
                continue;
            }
            let first = numbers(&entry[format!("shingles_{name}_first3")]);
            assert_eq!(&scratch.shingles[..first.len()], first, "{title} {name}");
            assert_eq!(minima[..8], numbers(&entry[format!("sig_{name}_bucket0")]), "{title}");
            assert_eq!(minima[104..], numbers(&entry[format!("sig_{name}_bucket13")]), "{title}");
            let digest = Sha256::digest(little_endian(&minima, precision));
            let expected = entry[format!("sig_{name}_sha256")].as_str().unwrap();
            let digest = u128::from_be_bytes(*digest.first_chunk().unwrap());
            assert_eq!(format!("{digest:032x}"), expected[..32], "{title} {name}");
            compared += 1;
        }
    }
    assert!(compared > 0);
}

#[test]
fn signature_files_equal_datatrove() {
    let Some(data) = data() else { return };
    let golden = format!("{data}/golden/minhash_e2e");
    let mut scratch = Scratch::default();
    for (name, hash, precision) in DATATROVE {
        let hasher = datatrove(hash, precision);
        for rank in 0..3 {
            let input = std::fs::read_to_string(format!("{golden}/input_{rank:05}.jsonl")).unwrap();
            let mut records: BTreeMap<usize, Vec<(Vec<u64>, u32)>> = BTreeMap::new();
            for (index, line) in input.lines().enumerate() {
                let row: serde_json::Value = serde_json::from_str(line).unwrap();
                let minima = hasher.minima(row["text"].as_str().unwrap(), &mut scratch);
                for (band, rows) in minima.chunks(8).enumerate() {
                    records.entry(band).or_default().push((rows.to_vec(), index as u32));
                }
            }
            for band in 0..14 {
                let mut records = records.remove(&band).unwrap_or_default();
                records.sort();
                let mut bytes = Vec::new();
                for (rows, index) in records {
                    bytes.extend(little_endian(&rows, precision));
                    bytes.extend(index.to_le_bytes());
                }
                let path = format!("{golden}/{name}/sigs/bucket_{band:03}/{rank:05}.minhash.sig");
                assert!(bytes == std::fs::read(&path).unwrap(), "{path}");
            }
        }
    }
}

proptest! {
    #[test]
    fn keys_depend_on_the_set_of_shingles_only(text in "[a-c ]{0,80}", times in 1_usize..4) {
        for scheme in SCHEMES {
            let config = MinHashConfig { ngram_words: 1, ..MinHashConfig::new(scheme) };
            let hasher = MinHasher::new(config);
            let once = sign(&hasher, &text);
            let mut words: Vec<&str> = text.split(' ').collect();
            words.sort_unstable();
            let again = sign(&hasher, &format!("{} ", words.join(" ")).repeat(times));
            prop_assert_eq!(&once.keys, &again.keys);
            prop_assert_eq!(&once.sketch, &again.sketch);
        }
    }

    #[test]
    fn any_text_has_all_keys_or_none(text in any::<String>()) {
        for scheme in SCHEMES {
            let hasher = MinHasher::new(MinHashConfig::new(scheme));
            let signature = sign(&hasher, &text);
            let mut shingles = Vec::new();
            hasher.shingles(&text, &mut Scratch::default(), &mut shingles);
            let (keys, sketch) = if shingles.is_empty() { (0, 0) } else { (14, 112) };
            prop_assert_eq!((signature.keys.len(), signature.sketch.len()), (keys, sketch));
            prop_assert!(shingles.is_sorted() && shingles.len() <= signature.shingles as usize);
        }
    }
}
