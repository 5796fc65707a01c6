//! Expands `${NAME}`, `${NAME:-default}` and a leading `~/` in paths.

/// Replaces environment variables in a path. As in a shell, `:-default` is also used for an empty
/// variable.
///
/// # Errors
/// The name of a variable that is not set or is empty and has no default.
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

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn defaults_stand_for_variables_that_are_not_set() {
        let path = "a/${GRISTMILL_UNSET:-b}/${GRISTMILL_UNSET_TOO:-c/d}.jsonl";
        assert_eq!(expand(path).unwrap(), "a/b/c/d.jsonl");
        assert_eq!(expand("${GRISTMILL_UNSET:-}x").unwrap(), "x");
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        assert_eq!(expand("${GRISTMILL_UNSET}/a").unwrap_err(), "GRISTMILL_UNSET");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for path in ["a/*.jsonl", "a/$b/c", "a/${b", "a~/b", "~", ""] {
            assert_eq!(expand(path).unwrap(), path);
        }
    }
}
