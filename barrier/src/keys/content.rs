//! Keys of a document's whole content: its text, its normalised text, or the value of an
//! expression.

use text::hash::{bytes_key, exact_key, normalised_key};

use super::{KeyMaker, Keys};

/// The content that is compared, as the option `on` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// `text`: the text byte by byte.
    Text,
    /// `normalised`: the text, ignoring case, punctuation, spacing and the values of numbers.
    Normalised,
    /// The value of any other SQL expression.
    Value,
}

impl Content {
    /// The content that the option `on` names.
    pub(crate) fn named(on: &str) -> Self {
        match on {
            "text" => Self::Text,
            "normalised" => Self::Normalised,
            _ => Self::Value,
        }
    }

    /// The SQL expression in the option `on`, if it is one.
    pub(crate) fn expression(on: &str) -> Option<&str> {
        (Self::named(on) == Self::Value).then_some(on)
    }
}

impl KeyMaker for Content {
    fn make(&mut self, text: &str, value: Option<&[u8]>, keys: &mut Keys) {
        let key = match self {
            Self::Text => exact_key(text),
            Self::Normalised => normalised_key(text),
            Self::Value => {
                // NULL is equal to nothing, so such a document gets no key.
                let Some(value) = value else { return };
                bytes_key(value)
            }
        };
        keys.bytes.extend(key.to_be_bytes());
    }
}
