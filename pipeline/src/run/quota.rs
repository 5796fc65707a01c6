//! The limit on damaged records.

use crate::error::{PipelineError, Result};
use crate::part::PartResult;

/// Compares the fraction of damaged records with the recipe's limit.
pub(super) struct Quota {
    limit: f64,
    read: u64,
    bad: u64,
    examples: Vec<String>,
}

/// Records that must be read before the fraction is checked during the run.
const QUOTA_RECORDS_MIN: u64 = 1000;

/// Number of damaged records that are always accepted. In a small input, even one would exceed the
/// limit.
const QUOTA_BAD_FREE: u64 = 10;

impl Quota {
    pub(super) fn new(limit: f64) -> Self {
        Self { limit, read: 0, bad: 0, examples: Vec::new() }
    }

    /// Adds the records of a part.
    ///
    /// # Errors
    /// Too many records are damaged.
    pub(super) fn add(&mut self, part: &PartResult) -> Result<()> {
        self.read += part.read;
        self.bad += part.bad;
        self.examples.extend(part.examples.iter().cloned());
        self.examples.truncate(3);
        self.check(QUOTA_RECORDS_MIN)
    }

    /// Checks the fraction, once at least `records_min` records have been read.
    ///
    /// # Errors
    /// Too many records are damaged.
    pub(super) fn check(&self, records_min: u64) -> Result<()> {
        let share = self.bad as f64 / self.read.max(1) as f64;
        if self.read < records_min || self.bad <= QUOTA_BAD_FREE || share <= self.limit {
            return Ok(());
        }
        Err(PipelineError::TooMuchBadData {
            bad: self.bad,
            read: self.read,
            percent: share * 100.0,
            limit_percent: self.limit * 100.0,
            reasons: self.examples.join("; "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(read: u64, bad: u64) -> PartResult {
        PartResult { read, bad, examples: vec!["place".into(); 2], ..PartResult::default() }
    }

    #[test]
    fn a_share_above_the_limit_stops_the_run() {
        let mut quota = Quota::new(0.05);
        quota.add(&part(2000, 100)).unwrap();
        let error = quota.add(&part(0, 1)).unwrap_err();
        let PipelineError::TooMuchBadData { bad, read, reasons, .. } = error else {
            panic!("{error}")
        };
        assert_eq!((bad, read), (101, 2000));
        assert_eq!(reasons.matches("place").count(), 3, "examples are limited");
    }

    #[test]
    fn the_share_is_not_judged_on_the_first_records() {
        let mut quota = Quota::new(0.05);
        quota.add(&part(QUOTA_RECORDS_MIN - 1, 900)).unwrap();
        assert!(quota.check(0).is_err(), "at the end it is");
    }

    #[test]
    fn a_few_damaged_records_are_always_accepted() {
        let mut quota = Quota::new(0.0);
        quota.add(&part(QUOTA_BAD_FREE, QUOTA_BAD_FREE)).unwrap();
        quota.check(0).unwrap();
    }
}
