//! Which tokens make up which step: packing, order, mixing, readers, and the shard formats of other
//! trainers.

pub mod formats;
