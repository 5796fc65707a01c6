//! The signals, each declared once: its name, kind and meaning make the field of [`Signals`], the
//! row of [`FIELDS`] and the place in [`Signals::values`].

/// What kind of number a signal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A whole number of things.
    Count,
    /// A share of a whole, from 0 to 1.
    Fraction,
    /// Any other number that is not negative.
    Real,
}

/// The description of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name of the field of [`Signals`], such as `mean_word_length`.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: FieldKind,
    /// What it means and which published rule uses it.
    pub doc: &'static str,
}

/// The value of one signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Of a signal of kind [`FieldKind::Count`].
    Count(u64),
    /// Of a signal of kind [`FieldKind::Fraction`] or [`FieldKind::Real`].
    Real(f64),
}

impl Value {
    /// The value as a floating-point number.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Real(real) => real,
        }
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

macro_rules! rust_type {
    (Count) => {
        u64
    };
    (Fraction) => {
        f64
    };
    (Real) => {
        f64
    };
}

macro_rules! signals {
    ($($name:ident: $kind:ident = $doc:literal;)+) => {
        /// The signals of one text; [`FIELDS`] describes them in the same order.
        #[derive(Debug, Clone, Copy, PartialEq, Default)]
        pub struct Signals {
            $(#[doc = $doc] pub $name: rust_type!($kind),)+
        }

        /// The description of every signal, in the order of [`Signals::values`].
        pub const FIELDS: &[Field] = &[
            $(Field { name: stringify!($name), kind: FieldKind::$kind, doc: $doc },)+
        ];

        impl Signals {
            /// The value of every signal, in the order of [`FIELDS`].
            pub fn values(&self) -> [Value; FIELDS.len()] {
                [$(Value::from(self.$name),)+]
            }
        }
    };
}

signals! {
    characters: Count = "Code points.";
    bytes: Count = "Bytes of UTF-8.";
    words: Count = "Words (Gopher keeps 50 to 100,000).";
    mean_word_length: Real = "Mean length of the words in characters (Gopher keeps 3 to 10).";
    median_word_length: Real =
        "Median length of the words in characters, the lower of the two middle ones (Dolma's reading of Gopher).";
    symbol_word_ratio: Real =
        "Number of `#` and of ellipses (`...` or `…`) for each word (Gopher drops above 0.1 for either).";
    bullet_line_fraction: Fraction =
        "Share of lines that start with a bullet mark such as `•`, `-` or `*` (Gopher drops above 0.9).";
    ellipsis_line_fraction: Fraction =
        "Share of lines that end with an ellipsis (Gopher drops above 0.3).";
    alphabetic_word_fraction: Fraction =
        "Share of words with a letter (Gopher drops below 0.8).";
    stop_words: Count =
        "How many of the eight English words the, be, to, of, and, that, have, with occur, in any case (Gopher drops below 2).";
    lines: Count = "Lines that are not blank.";
    duplicate_line_fraction: Fraction =
        "Share of lines that repeat an earlier line (Gopher drops above 0.3).";
    duplicate_line_char_fraction: Fraction =
        "Share of the characters of lines that stand in lines that repeat an earlier line (Gopher drops above 0.2, FineWeb above 0.01).";
    paragraphs: Count = "Paragraphs.";
    duplicate_paragraph_fraction: Fraction =
        "Share of paragraphs that repeat an earlier paragraph (Gopher drops above 0.3).";
    duplicate_paragraph_char_fraction: Fraction =
        "Share of the characters of paragraphs that stand in paragraphs that repeat an earlier one (Gopher drops above 0.2).";
    top_2gram_char_fraction: Fraction =
        "Share of the characters of words that the most frequent sequence of 2 words covers, 0 if none occurs twice (Gopher drops above 0.20).";
    top_3gram_char_fraction: Fraction = "The same for 3 words (Gopher drops above 0.18).";
    top_4gram_char_fraction: Fraction = "The same for 4 words (Gopher drops above 0.16).";
    duplicated_5gram_char_fraction: Fraction =
        "Share of the characters of words that stand in a sequence of 5 words that occurred before, each character counted once (Gopher drops above 0.15).";
    duplicated_6gram_char_fraction: Fraction = "The same for 6 words (Gopher drops above 0.14).";
    duplicated_7gram_char_fraction: Fraction = "The same for 7 words (Gopher drops above 0.13).";
    duplicated_8gram_char_fraction: Fraction = "The same for 8 words (Gopher drops above 0.12).";
    duplicated_9gram_char_fraction: Fraction = "The same for 9 words (Gopher drops above 0.11).";
    duplicated_10gram_char_fraction: Fraction = "The same for 10 words (Gopher drops above 0.10).";
    terminal_punctuation_line_fraction: Fraction =
        "Share of lines that end with the mark of a sentence's end, before closing quotes and brackets if any (C4 keeps only such lines; FineWeb drops below 0.12).";
    short_line_fraction: Fraction =
        "Share of lines of at most 30 characters (FineWeb drops above 0.67).";
    new_line_word_ratio: Real = "Number of line breaks for each word (FineWeb drops above 0.3).";
    uppercase_fraction: Fraction =
        "Share of the characters other than white space that are upper-case letters.";
    digit_fraction: Fraction =
        "Share of the characters other than white space that are digits of any script.";
    punctuation_fraction: Fraction =
        "Share of the characters other than white space that are neither letter, mark, digit nor control.";
    url_count: Count = "Occurrences of `http://` and `https://`.";
    curly_brackets: Count = "Number of `{` and `}` (C4 drops a page with `{`).";
    lorem_ipsum: Count = "1 if the words `lorem ipsum` occur, in any case, else 0 (C4 drops at 1).";
    javascript_lines: Count = "Lines with the word `javascript`, in any case (C4 drops such lines).";
    unique_word_fraction: Fraction =
        "Share of words that are the first of their spelling (RedPajama-V2).";
    word_entropy: Real =
        "Entropy in nats of the distribution of the spellings of words (RedPajama-V2, unigram entropy).";
    replacement_characters: Count = "U+FFFD characters: damage by a wrong decoding.";
    control_characters: Count =
        "Control characters other than tab, line feed and carriage return.";
}
