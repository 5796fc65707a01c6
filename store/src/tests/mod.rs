//! Tests of the store's guarantees: no file is torn or lost, and none is written outside the run.

mod damage;
mod faulty;
mod folder;
mod journal;
mod random;
mod resume;
mod scenario;
