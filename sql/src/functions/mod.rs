//! The functions that gristmill adds to SQL: thin wrappers over `text` and `encoder`.
//!
//! A new function is a file here, its `mod` line, and a line in [`register`].

mod c4;
mod classify;
mod contamination;
mod distinct_words;
mod iso639;
mod language;
mod lists;
mod lookup;
mod pii;
mod safety;
mod scalar;
mod signals;
mod text_function;
mod tokens;
mod url;

use std::sync::Arc;

use datafusion::execution::FunctionRegistry as _;
use datafusion::execution::session_state::SessionState;
use encoder::AnyTokenizer;

use crate::{Files, SqlError};

/// What functions need besides their arguments.
#[derive(Clone, Default)]
pub struct Resources {
    /// The tokenizer of `n_tokens`, `encode` and `token_pieces`, if there is one before the stages
    /// run.
    pub tokenizer: Option<AnyTokenizer>,
    /// The files that functions name.
    pub files: Files,
}

/// Registers all functions.
pub(crate) fn register(state: &mut SessionState, resources: &Resources) -> Result<(), SqlError> {
    let files = &resources.files;
    let functions = [
        language::function(files.clone()),
        language::paragraphs(),
        language::shares(),
        signals::function(),
        pii::mask(),
        pii::replace(),
        pii::spans(),
        safety::function(),
        scalar::xxh3(),
        scalar::simplify(),
        url::host(),
        url::suspicion(),
        tokens::count(resources.tokenizer.clone()),
        tokens::encode(resources.tokenizer.clone()),
        tokens::pieces(resources.tokenizer.clone()),
        c4::function(),
        c4::paragraph(),
        c4::bad_words(files.clone()),
        classify::function(files.clone()),
        contamination::function(files.clone()),
        scalar::quality_score(),
        distinct_words::function(),
        iso639::function(),
        url::domain(),
        url::block_reason(files.clone()),
        lookup::lookup(files.clone()),
        lookup::lookup_words(files.clone()),
    ];
    for function in functions {
        state.register_udf(Arc::new(function))?;
    }
    // `json_get_str(metadata, 'lang')` and its siblings, and the operators -> and ->>.
    datafusion_functions_json::register_all(state)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_function_is_described() {
        let resources = Resources::default();
        let mut state = datafusion::prelude::SessionContext::new().state();
        let engine: BTreeSet<String> = state.scalar_functions().keys().cloned().collect();
        register(&mut state, &resources).unwrap();
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sql.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        for name in state.scalar_functions().keys().filter(|name| !engine.contains(*name)) {
            assert!(guide.contains(&format!("`{name}(")), "docs/sql.md does not describe {name}");
        }
    }
}
