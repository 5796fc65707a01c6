//! Rendering of page templates.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

use crate::error::{ReportError, Result};
use crate::format;

/// The style sheet of all pages.
const STYLE: (&str, &str) = ("style.css", include_str!("style.css"));

/// Renders the template `source`, which can include the style sheet and use our filters.
///
/// `name` must end in `.html`, since this ending turns escaping on.
pub(crate) fn render((name, source): (&str, &str), context: Value) -> Result<String> {
    let failed = |error: minijinja::Error| ReportError::draw(&error);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Lines that hold only a statement must not leave empty lines in the page.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(failed)?);
    environment.add_filter("count", format::count);
    environment.add_filter("bytes", format::bytes);
    environment.add_filter("percent", format::percent);
    environment.add_filter("decimals", format::decimals);
    let (style_name, style) = STYLE;
    environment.add_template(style_name, style).map_err(failed)?;
    let page = environment.template_from_named_str(name, source);
    page.and_then(|page| page.render(context)).map_err(failed)
}
