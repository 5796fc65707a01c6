//! What to say of files that lack the text field.

use std::collections::BTreeSet;

use read::Lack;

/// Names that texts often have, most likely first.
const LIKELY: [&str; 8] =
    ["text", "content", "raw_content", "body", "contents", "document", "article", "markdown"];

/// The message and the help for a source of `n_files` files, some of which have no text field;
/// `None` if all have it. `lacks` has the address of each such file.
pub(crate) fn refusal(lacks: &[(String, Lack)], n_files: usize) -> Option<(String, String)> {
    let (address, first) = lacks.first()?;
    let which = match (lacks.len(), n_files) {
        (1, 1) => format!("{address} has"),
        (1, _) => format!("1 of {n_files} files has"),
        (n, _) => format!("{n} of {n_files} files have"),
    };
    let there = if n_files == 1 { "its fields are" } else { &format!("{address} has") };
    let records: u64 = lacks.iter().filter_map(|(_, lack)| lack.records).sum();
    let lost = if records > 0 { format!(" ({records} rows)") } else { String::new() };
    let message =
        format!("{which} no field `{}`{lost}; {there} {}", first.wanted, first.there.join(", "));
    let mut wanted: Vec<String> = Vec::new();
    if lacks.len() < n_files {
        wanted.push(first.wanted.to_string());
    }
    wanted.extend(guesses(lacks));
    let names = wanted.join(",");
    let listed: Vec<String> = wanted.iter().map(|name| format!("{name:?}")).collect();
    let recipe =
        if listed.len() == 1 { listed.concat() } else { format!("[{}]", listed.join(", ")) };
    Some((
        message,
        format!(
            "name the text with `--text {names}`, or in a recipe `fields = {{ text = {recipe} }}`"
        ),
    ))
}

/// For each file the most likely field, each once; `FIELD` if none is likely.
fn guesses(lacks: &[(String, Lack)]) -> Vec<String> {
    let guess = |lack: &Lack| {
        let there = |name: &str| lack.there.iter().find(|field| field.eq_ignore_ascii_case(name));
        LIKELY.iter().find_map(|name| there(name)).map_or("FIELD", String::as_str).to_owned()
    };
    let mut seen = BTreeSet::new();
    lacks.iter().map(|(_, lack)| guess(lack)).filter(|name| seen.insert(name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use read::Names;

    use super::*;

    fn lack(there: &[&str]) -> Lack {
        let there = there.iter().map(ToString::to_string).collect();
        Lack { wanted: Names::one("text"), there, records: Some(10) }
    }

    #[test]
    fn the_fields_that_are_there_and_the_flag_are_named() {
        assert_eq!(refusal(&[], 3), None);
        let (message, help) =
            refusal(&[("a.parquet".into(), lack(&["id", "content"]))], 1).unwrap();
        assert_eq!(message, "a.parquet has no field `text` (10 rows); its fields are id, content");
        assert!(help.contains("`--text content`") && help.contains("text = \"content\""), "{help}");
    }

    #[test]
    fn files_with_other_fields_can_all_be_read() {
        let lacks = [
            ("b".to_owned(), lack(&["Body"])),
            ("c".to_owned(), lack(&["x"])),
            ("d".to_owned(), lack(&["Body", "y"])),
        ];
        let (message, help) = refusal(&lacks, 4).unwrap();
        assert!(message.starts_with("3 of 4 files have no field `text` (30 rows); b has Body"));
        assert!(help.contains("--text text,Body,FIELD"), "{help}");
        assert!(help.contains("[\"text\", \"Body\", \"FIELD\"]"), "{help}");
    }
}
