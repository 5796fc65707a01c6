//! Classes of characters that the rules of spaCy and datatrove ask for, as sixteen bits a character.
//!
//! The table `tables/classes.txt` is written by `tables/tables.py`, which asks Python 3.11 (Unicode
//! 14), spaCy 3.8 and datatrove 0.10 about every code point.

use std::sync::LazyLock;

/// The classes of one character, a sum of the constants below.
pub(crate) type Class = u16;

/// Split off at the front of a chunk.
pub(crate) const PREFIX: Class = 1;
/// Split off at the end of a chunk.
pub(crate) const SUFFIX: Class = 1 << 1;
/// Split off in the middle of a chunk: an ellipsis or a pictograph.
pub(crate) const INFIX: Class = 1 << 2;
/// A letter, as spaCy counts them: of a list of scripts.
pub(crate) const ALPHA: Class = 1 << 3;
/// A lower-case letter, or one of a script without case.
pub(crate) const LOWER: Class = 1 << 4;
/// An upper-case letter, or one of a script without case.
pub(crate) const UPPER: Class = 1 << 5;
/// A quotation mark or a bracket of that sort.
pub(crate) const QUOTE: Class = 1 << 6;
/// A full stop behind it is split off.
pub(crate) const BEFORE_STOP: Class = 1 << 7;
/// Of a general category of punctuation.
pub(crate) const PUNCTUATION: Class = 1 << 8;
/// Of a general category of letters: Python's `isalpha`.
pub(crate) const LETTER: Class = 1 << 9;
/// Of datatrove's 129 marks, which alone make no word.
pub(crate) const SYMBOL: Class = 1 << 10;
/// Of datatrove's 159 marks that end a sentence.
pub(crate) const TERMINAL: Class = 1 << 11;
/// Of the marks after which spaCy's sentencizer starts a sentence.
pub(crate) const SENTENCE_END: Class = 1 << 12;
/// White space in Python; [`is_space`] tells the same.
#[cfg(test)]
const SPACE: Class = 1 << 13;
/// Matched by `\w` of a regular expression of Python.
pub(crate) const WORD: Class = 1 << 14;
/// Matched by `\d` of a regular expression of Python.
pub(crate) const DIGIT: Class = 1 << 15;

/// Code points of one block of the table.
const BLOCK: usize = 256;

/// The table: for each run of 256 code points the block that holds their classes.
#[derive(Debug)]
pub(crate) struct Classes {
    ascii: [Class; 128],
    block_of: Vec<u16>,
    blocks: Vec<[Class; BLOCK]>,
}

static CLASSES: LazyLock<Classes> =
    LazyLock::new(|| Classes::parse(include_str!("tables/classes.txt")));

impl Classes {
    /// The one table.
    pub(crate) fn get() -> &'static Self {
        &CLASSES
    }

    /// Reads lines of `first last bits`, in hexadecimal.
    fn parse(table: &str) -> Self {
        let mut of_character = vec![0; char::MAX as usize + 1];
        for line in table.lines() {
            let mut fields =
                line.split(' ').map(|field| usize::from_str_radix(field, 16).unwrap_or(0));
            if let (Some(first), Some(last), Some(bits)) =
                (fields.next(), fields.next(), fields.next())
            {
                of_character[first..=last].fill(bits as Class);
            }
        }
        let mut classes = Self { ascii: [0; 128], block_of: Vec::new(), blocks: vec![[0; BLOCK]] };
        classes.ascii.copy_from_slice(&of_character[..128]);
        for block in of_character.as_chunks::<BLOCK>().0 {
            let known = classes.blocks.iter().position(|other| other == block);
            classes.block_of.push(known.unwrap_or(classes.blocks.len()) as u16);
            if known.is_none() {
                classes.blocks.push(*block);
            }
        }
        classes
    }

    /// The classes of a character.
    #[inline]
    pub(crate) fn of(&self, character: char) -> Class {
        let code = character as usize;
        match self.ascii.get(code) {
            Some(class) => *class,
            None => self.blocks[self.block_of[code / BLOCK] as usize][code % BLOCK],
        }
    }

    /// Whether a character is of one of some classes.
    #[inline]
    pub(crate) fn is(&self, character: char, class: Class) -> bool {
        self.of(character) & class != 0
    }
}

/// Whether a character is white space in Python: that of Unicode, and the four separators U+001C to
/// U+001F.
#[inline]
pub(crate) fn is_space(character: char) -> bool {
    matches!(character, '\u{1c}'..='\u{1f}') || character.is_whitespace()
}

/// A text without the white space around it, as Python's `strip` removes it.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_known_characters() {
        let classes = Classes::get();
        assert_eq!(classes.of('a') & (ALPHA | LOWER | UPPER | LETTER), ALPHA | LOWER | LETTER);
        assert!(classes.is('中', LOWER) && classes.is('中', UPPER));
        assert!(classes.is('。', TERMINAL) && classes.is('。', SENTENCE_END));
        assert!(classes.is('１', SYMBOL) && classes.is('１', DIGIT));
        assert!(!classes.is('Ⅷ', LETTER) && classes.is('Ⅷ', WORD));
        for code in 0..=char::MAX as u32 {
            let Some(character) = char::from_u32(code) else { continue };
            assert_eq!(classes.is(character, SPACE), is_space(character), "{code:x}");
        }
        let count = |class| ('\0'..=char::MAX).filter(|c| classes.is(*c, class)).count();
        assert_eq!((count(SYMBOL), count(TERMINAL), count(SYMBOL | TERMINAL)), (129, 159, 281));
    }
}
