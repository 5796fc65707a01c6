//! Functions of a URL.

use std::sync::Arc;

use arrow::array::StringBuilder;
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;
use text::url::{BlockList, BlockListBuilder, Dialect, ListKind};

use super::text_function::{Evaluate, text_function, text_function_with};
use crate::Files;
use crate::files::{Content, unpacked};

/// `url_host(url)`: the host in lower case, without user and port; NULL if it is not a URL.
pub(super) fn host() -> ScalarUDF {
    strings("url_host", text::url::host)
}

/// `url_domain(url)`: the registered domain by the public suffix list, such as `example.co.uk`.
pub(super) fn domain() -> ScalarUDF {
    strings("url_domain", text::url::registered_domain)
}

/// `url_suspicion(url)`: why an address looks like adult content or spam, else NULL.
pub(super) fn suspicion() -> ScalarUDF {
    strings("url_suspicion", text::url::suspicion)
}

fn strings<T: AsRef<str>>(
    name: &'static str,
    of: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
) -> ScalarUDF {
    text_function(name, DataType::Utf8, move |urls, _| {
        let mut found = StringBuilder::new();
        for url in urls {
            found.append_option(url.and_then(&of));
        }
        Arc::new(found.finish())
    })
}

/// `url_block_reason(url, 'LISTS')`: why a folder of block lists, or one list, blocks an address,
/// else NULL. With the third argument `'datatrove'` it compares as datatrove does.
pub(super) fn block_reason(files: Files) -> ScalarUDF {
    text_function_with("url_block_reason", 1..=2, DataType::Utf8, move |constants| {
        let [name, dialect @ ..] = constants else {
            return plan_err!("url_block_reason() takes a URL and block lists");
        };
        let (kind, dialect) = match dialect.first().map(String::as_str) {
            None | Some("canonical") => ("block list", Dialect::Canonical),
            Some("datatrove") => ("block list as of datatrove", Dialect::Datatrove),
            Some(other) => {
                return plan_err!("there is no dialect `{other}`; use canonical or datatrove");
            }
        };
        let lists = files.get(kind, name, |content| read(content, dialect))?;
        let evaluate: Arc<Evaluate> = Arc::new(move |urls, _| {
            let mut reasons = StringBuilder::new();
            for url in urls {
                let reason = url.and_then(|url| lists.check(url));
                reasons.append_option(reason.map(text::url::Reason::as_str));
            }
            Arc::new(reasons.finish())
        });
        Ok(evaluate)
    })
}

/// Reads the files of lists. A file's name says which kind of list it is; other files are skipped.
fn read(content: &mut Content, dialect: Dialect) -> std::result::Result<BlockList, String> {
    let mut builder = BlockListBuilder::new(dialect);
    let mut lists = 0;
    content.each(|name, bytes| {
        let Some(kind) = ListKind::of_path(name) else { return Ok(()) };
        lists += 1;
        if matches!(name.rsplit('.').next(), Some("xz" | "bz2")) {
            return Err(format!("{name}: unpack it first"));
        }
        let lines = unpacked(name, bytes)?;
        builder.add_reader(kind, lines).map_err(|error| format!("{name}: {error}"))
    })?;
    if lists == 0 {
        return Err("no file is called domains, urls, banned_words, soft_banned_words or \
                    banned_subwords"
            .into());
    }
    Ok(builder.build())
}
