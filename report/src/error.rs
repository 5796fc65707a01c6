//! Why a page cannot be rendered.

/// The crate's result.
pub type Result<T> = std::result::Result<T, ReportError>;

/// An error of rendering a page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A table of the run cannot be read.
    #[error(transparent)]
    Tables(#[from] tables::TableError),
    /// A query over the run's tables failed.
    #[error(transparent)]
    Sql(#[from] sql::SqlError),
    /// The description of the run's shards cannot be read.
    #[error(transparent)]
    Shards(#[from] shards::ShardError),
    /// The run's `recipe.toml` cannot be read.
    #[error("{path}: {message}")]
    Recipe {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// The template or a chart cannot be rendered.
    #[error("the page cannot be rendered: {0}")]
    Draw(String),
    /// A mistake in gristmill itself.
    #[error("{0}")]
    Bug(#[from] bug::Bug),
}

impl ReportError {
    /// An error of the template or of the drawing library.
    pub(crate) fn draw(error: &dyn std::fmt::Display) -> Self {
        Self::Draw(format!("{error:#}"))
    }
}
