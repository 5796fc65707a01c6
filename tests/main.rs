//! End-to-end tests that run the program.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod architecture;
mod command;
mod crash;
mod dedup;
mod filters;
mod inputs;
mod pipeline;
mod pretrain;
mod refusals;
mod shards;
mod tokenizer;
