//! The program from outside.

mod architecture;
mod command;
mod crash;
mod pipeline;
mod refusals;
