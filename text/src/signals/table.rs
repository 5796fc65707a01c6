//! The table of signals. Each signal is declared once, with its name, kind and meaning. From this
//! the macro generates the field of [`Signals`], the entry of [`FIELDS`] and the value in
//! [`Signals::values`].

/// The kind of number of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A non-negative integer.
    Count,
    /// A share of a whole, from 0 to 1.
    Fraction,
    /// Any other non-negative number.
    Real,
}

/// The description of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name of the field of [`Signals`], such as `mean_word_length`.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: FieldKind,
    /// Its meaning and the published rules that use it.
    pub doc: &'static str,
}

/// The value of one signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// The value of a signal of kind [`FieldKind::Count`].
    Count(u64),
    /// The value of a signal of kind [`FieldKind::Fraction`] or [`FieldKind::Real`].
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

        /// The descriptions of all signals, in the order of [`Signals::values`].
        pub const FIELDS: &[Field] = &[
            $(Field { name: stringify!($name), kind: FieldKind::$kind, doc: $doc },)+
        ];

        impl Signals {
            /// The values of all signals, in the order of [`FIELDS`].
            pub fn values(&self) -> [Value; FIELDS.len()] {
                [$(Value::from(self.$name),)+]
            }
        }
    };
}

signals! {
    characters: Count = "Code points.";
    bytes: Count = "Bytes of the text in UTF-8.";
    tokens: Count =
        "Words and punctuation marks; a mark is a token unless the segmenter keeps it in a word.";
    words: Count =
        "Tokens with a character that is not one of datatrove's 281 marks (Gopher keeps 50 to \
         100,000).";
    words_fineweb_v1: Count =
        "The same with the 129 marks of the first FineWeb, which lack the sentence-ending marks of \
         other scripts.";
    mean_word_length: Real = "Mean length of the words in characters (Gopher keeps 3 to 10).";
    mean_word_length_fineweb_v1: Real = "The same for `words_fineweb_v1`.";
    median_word_length: Real =
        "Median length of the words in characters, the lower of the two middle ones (Dolma's \
         reading of Gopher).";
    symbol_word_ratio: Real = "Number of `#` and of ellipses (`...` or `…`) per token.";
    hash_word_ratio: Real = "Number of `#` per token (Gopher drops above 0.1).";
    ellipsis_word_ratio: Real =
        "Number of non-overlapping `...` and of `…` per token (Gopher drops above 0.1).";
    bullet_line_fraction: Fraction =
        "Share of the lines of `splitlines` that start with `•` or `-` after optional white space \
         (Gopher drops above 0.9).";
    ellipsis_line_fraction: Fraction =
        "Share of the lines of `splitlines` that end with an ellipsis and optional white space \
         (Gopher drops above 0.3).";
    alphabetic_word_fraction: Fraction =
        "Share of tokens, including marks, that contain a letter (Gopher drops below 0.8).";
    stop_words: Count =
        "How many of the eight English words the, be, to, of, and, that, have, with occur in lower \
         case (Gopher drops below 2).";
    stop_word_occurrences: Count =
        "How often these words occur in lower case (the first FineWeb drops below 2).";
    lines: Count =
        "Non-blank lines, separated by line feeds (FineWeb drops at 0).";
    line_breaks: Count = "Line feeds.";
    duplicate_line_fraction: Fraction =
        "Share of lines, split at runs of line feeds, that repeat an earlier line (Gopher drops \
         above 0.3).";
    duplicate_line_char_fraction: Fraction =
        "Characters of such repeated lines per character of the text (Gopher drops above 0.2).";
    duplicate_line_fraction_fineweb_v1: Fraction =
        "Share of the lines of `splitlines`, including empty ones, that repeat an earlier line \
         (the first FineWeb drops above 0.3).";
    duplicate_line_char_fraction_fineweb_v1: Fraction =
        "Characters of such repeated lines per character of the text (the first FineWeb drops \
         above 0.2).";
    duplicate_visible_line_char_fraction: Fraction =
        "Characters of non-blank lines that repeat an earlier line, per character of the text \
         other than line feeds (FineWeb drops above 0.01, the first FineWeb at 0.01 and above).";
    paragraphs: Count = "Paragraphs, separated by two or more line feeds.";
    duplicate_paragraph_fraction: Fraction =
        "Share of paragraphs that repeat an earlier paragraph (Gopher drops above 0.3).";
    duplicate_paragraph_char_fraction: Fraction =
        "Characters of repeated paragraphs per character of the text (Gopher drops above 0.2).";
    top_2gram_char_fraction: Real =
        "Characters of the most frequent sequence of 2 tokens, joined by a space, times its number \
         of occurrences, per character of the text; also counted if it occurs only once; 0 if \
         there is no sequence; may exceed 1 if occurrences overlap (Gopher drops above 0.20).";
    top_3gram_char_fraction: Real = "The same for 3 tokens (Gopher drops above 0.18).";
    top_4gram_char_fraction: Real = "The same for 4 tokens (Gopher drops above 0.16).";
    duplicated_5gram_char_fraction: Fraction =
        "Characters in sequences of 5 tokens whose letters have occurred before in such a \
         sequence, per character of the text; each character is counted once (Gopher drops above \
         0.15).";
    duplicated_6gram_char_fraction: Fraction = "The same for 6 tokens (Gopher drops above 0.14).";
    duplicated_7gram_char_fraction: Fraction = "The same for 7 tokens (Gopher drops above 0.13).";
    duplicated_8gram_char_fraction: Fraction = "The same for 8 tokens (Gopher drops above 0.12).";
    duplicated_9gram_char_fraction: Fraction = "The same for 9 tokens (Gopher drops above 0.11).";
    duplicated_10gram_char_fraction: Fraction = "The same for 10 tokens (Gopher drops above 0.10).";
    terminal_punctuation_line_fraction: Fraction =
        "Share of non-blank lines whose last character is one of datatrove's 159 sentence-ending \
         marks (FineWeb drops below 0.12).";
    terminal_punctuation_line_fraction_fineweb_v1: Fraction =
        "Share of all pieces between line feeds, including empty ones, that end with `.`, `'`, \
         `\"`, `!` or `?` (the first FineWeb drops at 0.12 and below).";
    short_line_fraction: Fraction =
        "Share of non-blank lines that have at most 30 characters (FineWeb drops above 0.67).";
    short_line_fraction_fineweb_v1: Fraction =
        "Share of all pieces between line feeds, including empty ones, that have at most 30 \
         characters (the first FineWeb drops at 0.67 and above).";
    new_line_word_ratio: Real = "Number of line feeds per token (FineWeb drops above 0.3).";
    uppercase_fraction: Fraction =
        "Share of the characters other than white space that are upper-case letters.";
    digit_fraction: Fraction =
        "Share of the characters other than white space that are digits of any script.";
    punctuation_fraction: Fraction =
        "Share of the characters other than white space that are punctuation marks or symbols.";
    url_count: Count = "Occurrences of `http://` and `https://`.";
    curly_brackets: Count = "Number of `{` and `}`.";
    lorem_ipsum: Count = "1 if `lorem ipsum` occurs, in upper or lower case, otherwise 0.";
    javascript_lines: Count = "Lines that contain `javascript`, in upper or lower case.";
    unique_word_fraction: Fraction =
        "Number of distinct words per word (RedPajama-V2).";
    word_entropy: Real =
        "Entropy of the distribution of words in nats (RedPajama-V2, unigram entropy).";
    replacement_characters: Count = "U+FFFD characters, which are left by incorrect decoding.";
    control_characters: Count =
        "Control characters other than tab, line feed and carriage return.";
}
