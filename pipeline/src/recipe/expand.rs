//! `${NAME}`, `${NAME:-default}` and a leading `~/` in paths.

/// The path with environment variables in place, or the name of one that is not set.
#[expect(clippy::disallowed_methods, reason = "a recipe's paths may name environment variables")]
pub(crate) fn expand(path: &str) -> Result<String, String> {
    let home = || std::env::var("HOME").map_err(|_| "HOME".to_owned());
    let mut expanded = String::new();
    let mut rest = path;
    while let Some((before, variable)) = rest.split_once("${") {
        let Some((name, after)) = variable.split_once('}') else { break };
        expanded.push_str(before);
        let (name, default) = name.split_once(":-").map_or((name, None), |(n, d)| (n, Some(d)));
        match (std::env::var(name), default) {
            (Ok(value), _) if !value.is_empty() => expanded.push_str(&value),
            (_, Some(default)) => expanded.push_str(default),
            _ => return Err(name.to_owned()),
        }
        rest = after;
    }
    expanded.push_str(rest);
    match expanded.strip_prefix("~/") {
        Some(below) => Ok(format!("{}/{below}", home()?)),
        None => Ok(expanded),
    }
}
