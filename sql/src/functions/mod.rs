//! The functions that gristmill adds to SQL: thin wrappers over `text` and `tokenizer`.

mod c4;
mod classify;
mod contamination;
mod distinct_words;
mod iso639;
mod language;
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

/// What functions use besides their arguments.
#[derive(Clone, Default)]
pub struct Resources {
    /// The tokenizer that `n_tokens` counts with, if there is one before the stages begin.
    pub tokenizer: Option<AnyTokenizer>,
    /// The files that functions name.
    pub files: Files,
}

/// Registers all of them.
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
    Ok(())
}
