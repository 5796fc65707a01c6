//! The stock stages: SQL files that come with gristmill and can be copied and changed.

/// A stock stage.
#[derive(Debug, Clone, Copy)]
pub struct StockStage {
    /// The name by which a recipe uses it.
    pub name: &'static str,
    /// Its SQL, parameters declared in the header.
    pub sql: &'static str,
}

/// All stock stages.
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

/// The stock stage of a name.
pub fn stock_stage(name: &str) -> Option<&'static StockStage> {
    STOCK_STAGES.iter().find(|stage| stage.name == name)
}
