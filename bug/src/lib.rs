//! The error for a broken invariant of gristmill itself.
//!
//! A missing value that must exist, or a state that must be unreachable, is a mistake in the
//! program, never in the user's data, and no default may hide it. Every crate's error enum has a
//! variant `#[error("{0}")] Bug(#[from] bug::Bug)`, for which the command line exits with code 101.
//! (The variant must not be `transparent`: that would hide the [`Bug`] from [`is_bug`], which walks
//! the chain of sources.)

use std::panic::Location;

/// A broken invariant, with the source location that noticed it.
#[derive(Debug, thiserror::Error)]
#[error("bug in gristmill: {what} ({place}); please report this")]
pub struct Bug {
    what: String,
    place: &'static Location<'static>,
}

impl Bug {
    /// Describes a bug: what should have held, and which value was found instead.
    #[track_caller]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: Location::caller() }
    }
}

/// Turns the absence of a value that must exist into a [`Bug`].
pub trait OrBug<T> {
    /// Returns the value, or a [`Bug`] that names `what` should have held.
    ///
    /// # Errors
    /// There is no value.
    fn or_bug(self, what: &str) -> Result<T, Bug>;
}

impl<T> OrBug<T> for Option<T> {
    #[track_caller]
    fn or_bug(self, what: &str) -> Result<T, Bug> {
        match self {
            Some(value) => Ok(value),
            None => Err(Bug::new(what)),
        }
    }
}

impl<T, E: std::fmt::Display> OrBug<T> for Result<T, E> {
    #[track_caller]
    fn or_bug(self, what: &str) -> Result<T, Bug> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Bug::new(format!("{what}: {error}"))),
        }
    }
}

/// True if an error or one of its causes is a [`Bug`].
pub fn is_bug(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        // The source of an I/O error is the source of what it holds, so that is asked for too.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        error.is::<Bug>() || held.is_some_and(|held| is_bug(held))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("while counting")]
    struct Outer(#[source] Bug);

    #[test]
    fn names_the_place_and_is_found_below_other_errors() {
        let bug = None::<u8>.or_bug("row 7 has no doc_id").unwrap_err();
        assert!(bug.to_string().contains("row 7 has no doc_id"));
        assert!(bug.to_string().contains("lib.rs"));
        assert!(is_bug(&Outer(bug)));
        let held = std::io::Error::other(Outer(Bug::new("no range")));
        assert!(is_bug(&held));
        assert!(!is_bug(&std::fmt::Error));
        assert!(!is_bug(&std::io::Error::from(std::io::ErrorKind::NotFound)));
    }
}
