//! Tests of what the store promises: nothing torn, nothing lost, nothing outside.

mod damage;
mod faulty;
mod folder;
mod journal;
mod random;
mod resume;
mod scenario;
mod shard_damage;
mod shard_remote;
mod shards;
