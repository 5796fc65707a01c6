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
    tokens: Count = "Words and marks of punctuation, each mark by itself unless the segmenter keeps it in a word.";
    words: Count =
        "Tokens with a character outside datatrove's 281 marks (Gopher keeps 50 to 100,000).";
    words_fineweb_v1: Count =
        "The same with the 129 marks of the first FineWeb, which has not the marks of other scripts that end a sentence.";
    mean_word_length: Real = "Mean length of the words in characters (Gopher keeps 3 to 10).";
    mean_word_length_fineweb_v1: Real = "The same of `words_fineweb_v1`.";
    median_word_length: Real =
        "Median length of the words in characters, the lower of the two middle ones (Dolma's reading of Gopher).";
    symbol_word_ratio: Real = "Number of `#` and of ellipses (`...` or `…`) for each token.";
    hash_word_ratio: Real = "Number of `#` for each token (Gopher drops above 0.1).";
    ellipsis_word_ratio: Real =
        "Number of `...`, not overlapping, and of `…` for each token (Gopher drops above 0.1).";
    bullet_line_fraction: Fraction =
        "Share of the lines of `splitlines` that start with `•` or `-` behind white space (Gopher drops above 0.9).";
    ellipsis_line_fraction: Fraction =
        "Share of the lines of `splitlines` that end with an ellipsis before white space (Gopher drops above 0.3).";
    alphabetic_word_fraction: Fraction =
        "Share of tokens, marks included, with a letter (Gopher drops below 0.8).";
    stop_words: Count =
        "How many of the eight English words the, be, to, of, and, that, have, with occur in lower case (Gopher drops below 2).";
    stop_word_occurrences: Count =
        "How often these words occur in lower case (the first FineWeb drops below 2).";
    lines: Count = "Lines, ended by line feeds, with more than white space (FineWeb drops at 0).";
    line_breaks: Count = "Line feeds.";
    duplicate_line_fraction: Fraction =
        "Share of lines, split at runs of line feeds, that repeat an earlier line (Gopher drops above 0.3).";
    duplicate_line_char_fraction: Fraction =
        "Characters of such repeated lines for each character of the text (Gopher drops above 0.2).";
    duplicate_line_fraction_fineweb_v1: Fraction =
        "Share of the lines of `splitlines`, the empty ones too, that repeat an earlier line (the first FineWeb drops above 0.3).";
    duplicate_line_char_fraction_fineweb_v1: Fraction =
        "Characters of such repeated lines for each character of the text (the first FineWeb drops above 0.2).";
    duplicate_visible_line_char_fraction: Fraction =
        "Characters of lines with more than white space that repeat an earlier one, for each character of the text other than line feeds (FineWeb drops above 0.01, the first FineWeb at 0.01 too).";
    paragraphs: Count = "Paragraphs: what stands between two or more line feeds.";
    duplicate_paragraph_fraction: Fraction =
        "Share of paragraphs that repeat an earlier paragraph (Gopher drops above 0.3).";
    duplicate_paragraph_char_fraction: Fraction =
        "Characters of repeated paragraphs for each character of the text (Gopher drops above 0.2).";
    top_2gram_char_fraction: Real =
        "Characters of the most frequent sequence of 2 tokens joined by a space, times its occurrences, for each character of the text; also where it occurs once; 0 without a sequence; above 1 where it overlaps itself (Gopher drops above 0.20).";
    top_3gram_char_fraction: Real = "The same for 3 tokens (Gopher drops above 0.18).";
    top_4gram_char_fraction: Real = "The same for 4 tokens (Gopher drops above 0.16).";
    duplicated_5gram_char_fraction: Fraction =
        "Characters, for each character of the text, in sequences of 5 tokens whose letters occurred before in such a sequence, each character counted once (Gopher drops above 0.15).";
    duplicated_6gram_char_fraction: Fraction = "The same for 6 tokens (Gopher drops above 0.14).";
    duplicated_7gram_char_fraction: Fraction = "The same for 7 tokens (Gopher drops above 0.13).";
    duplicated_8gram_char_fraction: Fraction = "The same for 8 tokens (Gopher drops above 0.12).";
    duplicated_9gram_char_fraction: Fraction = "The same for 9 tokens (Gopher drops above 0.11).";
    duplicated_10gram_char_fraction: Fraction = "The same for 10 tokens (Gopher drops above 0.10).";
    terminal_punctuation_line_fraction: Fraction =
        "Share of lines with more than white space whose last character is one of datatrove's 159 marks that end a sentence (FineWeb drops below 0.12).";
    terminal_punctuation_line_fraction_fineweb_v1: Fraction =
        "Share of all pieces between line feeds, the empty ones too, that end with `.`, `'`, `\"`, `!` or `?` (the first FineWeb drops at 0.12 and below).";
    short_line_fraction: Fraction =
        "Share of lines with more than white space of at most 30 characters (FineWeb drops above 0.67).";
    short_line_fraction_fineweb_v1: Fraction =
        "Share of all pieces between line feeds, the empty ones too, of at most 30 characters (the first FineWeb drops at 0.67 and above).";
    new_line_word_ratio: Real = "Number of line feeds for each token (FineWeb drops above 0.3).";
    uppercase_fraction: Fraction =
        "Share of the characters other than white space that are upper-case letters.";
    digit_fraction: Fraction =
        "Share of the characters other than white space that are digits of any script.";
    punctuation_fraction: Fraction =
        "Share of the characters other than white space that are neither letter, mark, digit nor control.";
    url_count: Count = "Occurrences of `http://` and `https://`.";
    curly_brackets: Count = "Number of `{` and `}`.";
    lorem_ipsum: Count = "1 if the words `lorem ipsum` occur, in any case, else 0.";
    javascript_lines: Count = "Lines that hold `javascript`, in any case.";
    unique_word_fraction: Fraction =
        "Share of words that are the first of their spelling (RedPajama-V2).";
    word_entropy: Real =
        "Entropy in nats of the distribution of the spellings of words (RedPajama-V2, unigram entropy).";
    replacement_characters: Count = "U+FFFD characters: damage by a wrong decoding.";
    control_characters: Count =
        "Control characters other than tab, line feed and carriage return.";
}
