//! Tests of what is personal data and what is not.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, masked: &str) {
    assert_eq!(mask(text), masked);
}

#[test]
fn emails() {
    check("Write to <Jane.O'Hara+x@mail.example.co.uk>.", "Write to <<EMAIL>>.");
    check("a@xn--d1acufc.xn--p1ai, b_c@d-e.org", "<EMAIL>, <EMAIL>");
    check("2fast4u@example.com 12@example.com", "<EMAIL> <EMAIL>");
    check("müller@bücher.example", "<EMAIL>");
    for clean in ["icon@2x.png", "@name", "a @ b.c", "lodash@4.17.21", "x@y", "me@.com", "git@"] {
        check(clean, clean);
    }
}

#[test]
fn addresses() {
    check("from 8.8.4.4, 93.184.216.34:80 and (1.0.0.127)", "from <IP>, <IP>:80 and (<IP>)");
    check("2606:4700:4700::1111 http://[2a00:1450:4001:830::200e]/", "<IP> http://[<IP>]/");
    for clean in [
        "192.168.0.1 10.1.2.3 127.0.0.1 0.0.0.0 255.255.255.255 224.0.0.1 203.0.113.9",
        "version 93.184.216.34",
        "v93.184.216.34",
        "93.184.216.345",
        "1.93.184.216.34",
        "12:34:56",
        "std::string",
        "add::2",
        "fe80::1",
        "2001:db8::1",
        "::1",
        "section 1.2.3.4",
        "6.7.5.3/9",
        "6.34.2.1. Title",
    ] {
        check(clean, clean);
    }
}

#[test]
fn cards_and_accounts() {
    check("4556737586899855, 4556-7375-8689-9855 or 3782 822463 10005", "<CARD>, <CARD> or <CARD>");
    check("GB29 NWBK 6016 1331 9268 19 X, DE89370400440532013000", "<IBAN> X, <IBAN>");
    for clean in [
        "4556737586899856",
        "0004556737586899855",
        "a4556737586899855",
        "/4556737586899855",
        "GB29 NWBK 6016 1331 9268 18",
        "XGB29NWBK60161331926819",
        "9780306406157",
    ] {
        check(clean, clean);
    }
}

#[test]
fn phones() {
    for phone in [
        "+41 (0)44 668 18 00",
        "+14155552671",
        "(415) 555-2671",
        "415-555-2671",
        "1-415-555-2671",
        "415.555.2671",
        "01.84.17.61.18",
        "0490 75 40 81",
        "020 7946 0958",
        "0041 44 668 18 00",
        "040 41178-0",
        "0731 / 153 87-0",
        "01\u{a0}43\u{a0}31\u{a0}80\u{a0}49",
        "(11) 98456-5666",
        "(+41) 44 668 18 00",
    ] {
        check(&format!("a {phone}."), "a <PHONE>.");
    }
    check("(1-415-555-2671) or (044 668 18 00)", "(<PHONE>) or (<PHONE>)");
    check("call 9472 7916 or 3660170548", "call <PHONE> or <PHONE>");
    check("Tel.: 72 128 827", "Tel.: <PHONE>");
    check("(978)645-9740x111, +1-448-414-3381 ext. 60", "<PHONE>, <PHONE>");
    check("22 498317 office, 61 51 81 88-Fax", "<PHONE> office, <PHONE>-Fax");
    for clean in [
        "9472 7916",
        "2024-01-02 10:20:30",
        "1.2.3.4567890",
        "ISBN 0-306-40615-2",
        "01.02.2003",
        "0.123456 0.789012",
        "pages 120-134",
        "$415 555 2671",
        "id=415-555-2671",
        "978-3-16-148410-0",
        "100 200 300 400",
        "0000 0001 0002 0003",
        "call 2024-01-02",
    ] {
        check(clean, clean);
    }
}

#[test]
fn a_mask_is_no_word_about_what_follows() {
    for text in
        ["<PHONE> 1234567 or 2345678", "<SSN> 219099999", "<IP> 6.34.2.1", "<CARD> 12345678"]
    {
        check(text, text);
    }
}

#[test]
fn spans_are_byte_offsets() {
    let found = spans("é jane@example.com");
    assert_eq!((found[0].start, found[0].end, found[0].kind), (3, 19, Kind::Email));
    assert!(matches!(mask("nothing here"), Cow::Borrowed("nothing here")));
}

/// A detector of everything, at any confidence.
fn everything() -> Detector {
    Detector::new(Options { min_confidence: 0.0, ..Options::everything() })
}

#[track_caller]
fn check_national(text: &str, scheme: &str) {
    let found = spans(text);
    assert!(found.iter().any(|span| span.kind.scheme() == Some(scheme)), "{text}: {found:?}");
}

#[test]
fn hardware_addresses() {
    check("00:00:5e:00:53:af, 00-00-5E-00-53-AF and 0000.5e00.53af", "<MAC>, <MAC> and <MAC>");
    check("AA:BB:CC:DD:EE:FF", "<MAC>");
    for clean in [
        "00:00:00:00:00:00 ff:ff:ff:ff:ff:ff",
        "00:00:5e:00:53",
        "00:00:5e:00:53:af:00:01",
        "12:30:45 13:30:45",
        "--ab-cd-",
    ] {
        check(clean, clean);
    }
}

#[test]
fn social_security_numbers() {
    check("It is 219-09-9999.", "It is <SSN>.");
    check("SSN 219099999, SSN: 219 09 9999", "SSN <SSN>, SSN: <SSN>");
    for clean in ["000-12-3456", "666-12-3456", "123-00-4567", "12345-6789", "Suite 680 36 4022"] {
        check(clean, clean);
    }
}

#[test]
fn national_numbers_by_their_shape() {
    for (text, scheme) in [
        ("529.982.247-25", "br_cpf"),
        ("11.222.333/0001-81", "br_cnpj"),
        ("756.9217.0769.85", "ch_ahv"),
        ("11010519491231002X", "cn_resident"),
        ("12345678Z", "es_nif"),
        ("X1234567L", "es_nie"),
        ("010203-3455", "fi_hetu"),
        ("1 85 05 78 006 084 91", "fr_nir"),
        ("G123456(A)", "hk_id"),
        ("RSSMRA85T10A562S", "it_codice_fiscale"),
        ("BADD110313HCMLNS09", "mx_curp"),
        ("112-233-445 95", "ru_snils"),
        ("811218-9876", "se_personnummer"),
        ("S1234567D", "sg_nric"),
        ("1-2345-67890-12-1", "th_national_id"),
        ("QQ MORGA657054SM9IJ", "uk_driving_licence"),
        ("AB 12 34 56 C", "uk_nino"),
        ("2AC3-DE4-FG56", "us_mbi"),
        ("912-70-1234", "us_itin"),
        ("85.07.30-033.28", "be_national"),
    ] {
        check_national(&format!("It is {text} here"), scheme);
    }
}

#[test]
fn national_numbers_beside_a_word_or_alone() {
    for (text, scheme) in [
        ("NHS number 943 476 5919", "uk_nhs"),
        ("PESEL: 44051401359", "pl_pesel"),
        ("Steuer-ID 86095742719", "de_tax_id"),
        ("Aadhaar 2341 2341 2346", "in_aadhaar"),
        ("BSN 111222333", "nl_bsn"),
        ("SIN 046-454-286 046 454 286, SIN 130692544", "ca_sin"),
        ("T.C. kimlik 27364591838", "tr_national_id"),
        ("passport number: C01X00T47", "passport"),
        ("44051401359", "pl_pesel"),
        (" 27364591838\n", "tr_national_id"),
    ] {
        check_national(text, scheme);
    }
    for clean in
        ["Lot 44051401359 shipped", "order 943 476 5919x", "C01X00T47", "passport control 2024"]
    {
        check(clean, clean);
    }
}

#[test]
fn crypto_addresses_by_their_checksum() {
    check("to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 or", "to <CRYPTO> or");
    check("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "<CRYPTO>");
    check("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "<CRYPTO>");
    for clean in [
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "0x0000000000000000000000000000000000000001",
    ] {
        check(clean, clean);
    }
}

#[test]
fn keys_and_passwords() {
    check("AKIAIOSFODNN7EXAMPLE", "<API_KEY>");
    check("token ghp_0123456789abcdefghijABCDEFGHIJklmnop!", "token <API_KEY>!");
    check(
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        "<API_KEY>",
    );
    check("api_key = \"9f8e7d6c5b4a39281706f5e4d3c2b1a0\"", "api_key = \"<API_KEY>\"");
    check(
        "aws_secret_access_key = q8Xz/3kLmN0pRsT5uVwXyZ1aBcDeFgHiJkLmNoPq",
        "aws_secret_access_key = <API_KEY>",
    );
    check("SG.aBcDeFgHiJkLmNoPqRsTuV.wXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ012", "<API_KEY>");
    check("git clone https://ann:s3cr3t@git.example.org/x.git now", "git clone <URL> now");
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n".repeat(4);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----");
    check(&format!("a\n{pem}\nb"), "a\n<PRIVATE_KEY>\nb");
    for clean in [
        "commit 9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c",
        "ssh://git@host.example.org/x",
        "https://user:password@host.example.org/",
        "-----BEGIN CERTIFICATE-----",
        "api_key = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
    ] {
        check(clean, clean);
    }
}

#[test]
fn urls_only_if_asked_for() {
    let text = "See https://example.org/a?b=1, www.example.co.uk and example.com.";
    check(text, text);
    let found: Vec<&str> =
        everything().spans(text).iter().map(|span| &text[span.start..span.end]).collect();
    assert_eq!(found, ["https://example.org/a?b=1", "www.example.co.uk", "example.com"]);
}

#[test]
fn regions_and_private_addresses() {
    let turkish = Detector::new(Options { default_region: Region::of("TR"), ..Options::default() });
    assert_eq!(turkish.mask("no 532 123 45 67."), "no <PHONE>.");
    check("no 532 123 45 67.", "no 532 123 45 67.");
    let text = "at 192.168.1.1 or fe80::1%eth0, 10.0.0.0/8";
    check(text, text);
    assert_eq!(everything().mask(text), "at <IP> or <IP>%eth0, <IP>");
}

#[test]
fn pseudonyms_are_stable_and_reserved() {
    let key = [7; KEY_BYTES];
    let text = "ann@corp.net, ANN@corp.net, bob@corp.net; 8.8.4.4; +44 20 7946 0958; \
                4556737586899855; GB29 NWBK 6016 1331 9268 19; 219-09-9999";
    let replace = |key| Detector::default().replace(text, key);
    let replaced = replace(&key);
    let pieces: Vec<&str> = replaced.split([',', ';']).map(str::trim).collect();
    assert_eq!(pieces[0], pieces[1]);
    assert_ne!(pieces[0], pieces[2]);
    assert!(pieces[0].ends_with("@example.org"), "{replaced}");
    assert!(spans(pieces[3]).is_empty(), "a reserved address is not public: {replaced}");
    assert!(pieces[4].starts_with("+44 7700 900"), "{replaced}");
    assert!(pieces[5].starts_with("9999") && pieces[5].len() == 16, "{replaced}");
    assert!(pieces[6].starts_with("XX") && spans(pieces[6]).is_empty(), "{replaced}");
    assert!(pieces[7].starts_with("000-"), "{replaced}");
    assert_eq!(replace(&key), replaced);
    assert_ne!(replace(&[8; KEY_BYTES]), replaced);
}

#[test]
fn kinds_have_names_and_masks_without_triggers() {
    for kind in Kind::all() {
        assert!(Kind::named(kind.scheme().unwrap_or(kind.as_str())).contains(&kind));
        assert!(!kind.mask().contains(|c: char| c.is_ascii_digit() || "@:-.".contains(c)));
        assert_eq!(Kinds::all().without(kind).with(kind), Kinds::all());
    }
}

/// Fragments that trigger rules. [`random_texts_do_not_panic`] joins them at random.
const FRAGMENTS: [&str; 64] = [
    "0",
    "1",
    "12",
    "00",
    "4012",
    "8888",
    "123456",
    "19850730",
    "046",
    "555",
    "999999999",
    " ",
    " ",
    " ",
    "-",
    "-",
    ".",
    ".",
    ":",
    ":",
    "/",
    "(",
    ")",
    "+",
    "@",
    "@",
    "_",
    "=",
    "%",
    "\n",
    "\u{a0}",
    "\u{2011}",
    "é",
    "电话",
    "тел",
    "tel ",
    "phone: ",
    "passport ",
    "id ",
    "ssn ",
    "api_key=",
    "a",
    "b",
    "Z",
    "GB29",
    "DE",
    "AB",
    "AKIA",
    "sk_live_",
    "ghp_",
    "eyJ",
    "bc1q",
    "0x",
    "1B",
    "::",
    "2001:db8",
    "https://",
    "www.",
    "com",
    "-----BEGIN PRIVATE KEY-----",
    "-----END",
    "<IP>",
    "x12",
    "\u{10ffff}",
];

/// The number of texts of the test below.
const RANDOM_TEXTS: usize = 50_000;

/// The example `random_inputs` does the same with as many texts as wanted.
#[test]
fn random_texts_do_not_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % bound
    };
    let (default, everything) = (Detector::default(), everything());
    let (mut found, mut text) = (0, String::new());
    for _ in 0..RANDOM_TEXTS {
        text.clear();
        for _ in 0..next(16) {
            text.push_str(FRAGMENTS[next(FRAGMENTS.len())]);
        }
        let masked = default.mask(&text);
        assert!(default.spans(&masked).is_empty(), "{text:?} gave {masked:?}");
        let mut end = 0;
        for span in everything.spans(&text) {
            assert!(span.start >= end && text.get(span.start..span.end).is_some(), "{text:?}");
            end = span.end;
            found += 1;
        }
    }
    assert!(found > RANDOM_TEXTS / 100, "{found} spans are too few to check anything");
}

proptest! {
    #[test]
    fn spans_are_sorted_apart_and_on_boundaries(
        any in any::<String>(),
        likely in "([0-9]{60,70}|tel |phone: |[+]|[0-9]{1,6}|[ .@:/()-]|[a-fé]|[A-Z]{1,6}|GB29|4012\
            |<IP>|\n|https?://|passport |sk_live_|0x|-----BEGIN PRIVATE KEY-----|\u{a0}|::){0,40}",
    ) {
        for text in [any, likely] {
            for detector in [Detector::default(), everything()] {
                let mut end = 0;
                let found = detector.spans(&text);
                for span in &found {
                    prop_assert!(span.start >= end && span.end > span.start, "{span:?}");
                    prop_assert!(text.get(span.start..span.end).is_some(), "{span:?} of {text:?}");
                    prop_assert!((0.0..=1.0).contains(&span.confidence));
                    end = span.end;
                }
                let masked = detector.mask(&text).into_owned();
                prop_assert_eq!(detector.spans(&masked), vec![], "{} gave {}", text, masked);
                prop_assert_eq!(detector.mask(&masked), masked.as_str());
                let replaced = detector.replace(&text, &[0; KEY_BYTES]);
                let mut rest = &*replaced;
                let mut outside: Vec<&str> = Vec::new();
                let mut end = 0;
                for span in &found {
                    outside.push(&text[end..span.start]);
                    end = span.end;
                }
                outside.push(&text[end..]);
                for piece in outside {
                    let at = rest.find(piece);
                    prop_assert!(at.is_some(), "{piece:?} is lost in {replaced:?}");
                    rest = &rest[at.unwrap_or_default() + piece.len()..];
                }
            }
        }
    }
}
