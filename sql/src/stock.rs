//! The stock stages: SQL files that are part of gristmill and that users can copy and change.

/// A stock stage.
#[derive(Debug, Clone, Copy)]
pub struct StockStage {
    /// Its name in recipes.
    pub name: &'static str,
    /// Its SQL; the header declares its parameters.
    pub sql: &'static str,
}

/// All stock stages, sorted by name. A new one is a file in `stages/` and a line here.
pub const STOCK_STAGES: &[StockStage] = &[
    StockStage { name: "c4", sql: include_str!("../stages/c4.sql") },
    StockStage { name: "c4_bad_words", sql: include_str!("../stages/c4_bad_words.sql") },
    StockStage { name: "c4_paragraph", sql: include_str!("../stages/c4_paragraph.sql") },
    StockStage { name: "classifier", sql: include_str!("../stages/classifier.sql") },
    StockStage { name: "decontaminate", sql: include_str!("../stages/decontaminate.sql") },
    StockStage { name: "fineweb", sql: include_str!("../stages/fineweb.sql") },
    StockStage { name: "fineweb2", sql: include_str!("../stages/fineweb2.sql") },
    StockStage { name: "gopher", sql: include_str!("../stages/gopher.sql") },
    StockStage { name: "gopher_repetition", sql: include_str!("../stages/gopher_repetition.sql") },
    StockStage { name: "language", sql: include_str!("../stages/language.sql") },
    StockStage { name: "pii", sql: include_str!("../stages/pii.sql") },
    StockStage { name: "quality", sql: include_str!("../stages/quality.sql") },
    StockStage { name: "quality_score", sql: include_str!("../stages/quality_score.sql") },
    StockStage { name: "rehydrate", sql: include_str!("../stages/rehydrate.sql") },
    StockStage { name: "safety", sql: include_str!("../stages/safety.sql") },
    StockStage { name: "url", sql: include_str!("../stages/url.sql") },
    StockStage { name: "url_lists", sql: include_str!("../stages/url_lists.sql") },
];

/// The stock stage named `name`.
///
/// ```
/// assert!(sql::stock_stage("quality").is_some_and(|stage| stage.sql.contains("@param")));
/// ```
pub fn stock_stage(name: &str) -> Option<&'static StockStage> {
    STOCK_STAGES.iter().find(|stage| stage.name == name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::parameters;

    #[test]
    fn every_file_is_in_the_table() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stages");
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, STOCK_STAGES.iter().map(|stage| stage.name).collect::<Vec<_>>());
    }

    #[test]
    fn every_stage_is_described_and_declares_its_parameters() {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sql.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        for stage in STOCK_STAGES {
            assert!(guide.contains(&format!("`{}`", stage.name)), "docs/sql.md: {}", stage.name);
            parameters(stage.sql).unwrap();
        }
    }
}
