//! The functions that gristmill adds to SQL: thin wrappers over `text` and `tokenizer`.

mod language;
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

pub use tokens::Tokenizers;

use crate::SqlError;

/// Registers all of them.
pub(crate) fn register(state: &mut SessionState, tokenizers: Tokenizers) -> Result<(), SqlError> {
    let functions = [
        language::function(),
        signals::function(),
        pii::mask(),
        pii::spans(),
        safety::function(),
        scalar::xxh3(),
        scalar::simplify(),
        url::host(),
        url::suspicion(),
        tokens::function(tokenizers),
    ];
    for function in functions {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}
