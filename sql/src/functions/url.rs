//! Functions of a URL.

use std::sync::Arc;

use arrow::array::StringBuilder;
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::text_function::text_function;

/// `url_host(url)`: the host in lower case, without user and port; NULL for what is no URL.
pub(super) fn host() -> ScalarUDF {
    text_function("url_host", DataType::Utf8, |urls, _| {
        let mut hosts = StringBuilder::new();
        for url in urls {
            hosts.append_option(url.and_then(text::url::host));
        }
        Arc::new(hosts.finish())
    })
}

/// `url_suspicion(url)`: why an address looks like adult or spam content, else NULL.
pub(super) fn suspicion() -> ScalarUDF {
    text_function("url_suspicion", DataType::Utf8, |urls, _| {
        let mut reasons = StringBuilder::new();
        for url in urls {
            reasons.append_option(url.and_then(text::url::suspicion));
        }
        Arc::new(reasons.finish())
    })
}
