//! Base64 with the standard alphabet and padding (RFC 4648, section 4), in which `.tiktoken` files
//! spell their tokens.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes in a group, and characters for it.
const GROUP: usize = 3;

/// `bytes` in base64 with the standard alphabet and padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    encode(bytes, &mut out);
    out
}

/// Appends `bytes` in base64 to `out`.
pub(crate) fn encode(bytes: &[u8], out: &mut String) {
    for group in bytes.chunks(GROUP) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=GROUP {
            let letter = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
}

/// The bytes that `text` spells, or `None` where it is not base64 or its unused bits are not zero.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(GROUP + 1) {
        return None;
    }
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() >= GROUP {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / (GROUP + 1) * GROUP);
    for group in digits.as_bytes().chunks(GROUP + 1) {
        let mut bits = 0;
        for place in 0..=GROUP {
            let value = group.get(place).map_or(Some(0), |&letter| digit(letter))?;
            bits = bits << 6 | value;
        }
        let length = group.len() - 1;
        let [_, spelled @ ..] = bits.to_be_bytes();
        if spelled[length..].iter().any(|&byte| byte != 0) {
            return None;
        }
        bytes.extend_from_slice(&spelled[..length]);
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_standard_hold() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            let mut text = String::new();
            encode(bytes.as_bytes(), &mut text);
            assert_eq!(text, expected);
            assert_eq!(decode(expected).as_deref(), Some(bytes.as_bytes()));
        }
        for wrong in ["Z", "Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9-", "Zm9é"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in any::<Vec<u8>>(), text in "[A-Za-z0-9+/=]{0,12}") {
            let mut spelled = String::new();
            encode(&bytes, &mut spelled);
            prop_assert_eq!(decode(&spelled), Some(bytes));
            if let Some(bytes) = decode(&text) {
                let mut again = String::new();
                encode(&bytes, &mut again);
                prop_assert_eq!(again, text);
            }
        }
    }
}
