//! Tests of the format: the exact bytes, the detection of damage, and copies in object stores.

mod damage;
mod random;
mod remote;
mod written;
