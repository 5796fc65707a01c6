//! File names of count files. The group can be read back from the name.

use std::fmt::Write as _;

/// The extension of a count file.
pub(super) const ENDING: &str = "counts";

/// Precedes the two hexadecimal digits of a byte that is not safe in file names. The group is read
/// back from the name, so the escape must be reversible.
const ESCAPE: &str = ".x";

/// The longest file name of a group, in bytes and without the extension. Longer names end in a
/// hash.
const NAME_MAX: usize = 80;

/// The file name of a group; any group's name is allowed.
pub(super) fn file_name(group: &str) -> String {
    let mut name = String::new();
    for byte in group.bytes() {
        let plain = byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if plain {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "{ESCAPE}{byte:02x}");
        }
    }
    if name.len() > NAME_MAX {
        // 18 is the length of `.h` and 16 digits.
        name.truncate(NAME_MAX - 18);
        let _ = write!(name, ".h{:016x}", text::hash::xxh3(group));
    }
    format!("{name}.{ENDING}")
}

/// The group of a file name without its extension: the inverse of [`file_name`].
pub(super) fn group_of(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        bytes.extend(before.bytes());
        rest = after;
        if let Some(byte) = after.get(..2).and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.extend(ESCAPE.bytes());
        }
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any group has a file name, and the group can be read back from it.
        #[test]
        fn a_file_says_its_group(group in "\\PC{0,12}") {
            let name = file_name(&group);
            let stem = name.strip_suffix(".counts").unwrap();
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
            prop_assert!(stem.chars().all(good), "{}", stem);
            if !stem.contains(".h") {
                prop_assert_eq!(group_of(stem), group);
            }
        }

        /// Long names are shortened but stay distinct.
        #[test]
        fn long_groups_have_different_files(a in "[a-z]{81,120}", b in "[a-z]{81,120}") {
            prop_assert!(file_name(&a).len() <= NAME_MAX + ".counts".len());
            prop_assert_eq!(file_name(&a) == file_name(&b), a == b);
        }
    }
}
