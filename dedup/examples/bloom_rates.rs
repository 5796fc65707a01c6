//! Measures a Bloom filter: `bloom_rates [KEYS]`. For several rates it prints bits per key,
//! nanoseconds per insertion, and the rate of false positives at half and at full fill, first as
//! expected, then as measured.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use dedup::bloom::Bloom;
use xxhash_rust::xxh3::xxh3_128;

/// Number of new keys that are looked up.
const PROBES: u64 = 10_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let keys: u64 = std::env::args().nth(1).map_or(Ok(10_000_000), |keys| keys.parse())?;
    let mut out = std::io::stdout().lock();
    for rate in [0.1, 0.01, 0.001, 0.000_1, 0.000_001] {
        let mut bloom = Bloom::new(keys, rate)?;
        let bits = bloom.bytes() as f64 * 8.0 / keys as f64;
        let start = Instant::now();
        (0..keys / 2).for_each(|index| {
            bloom.insert(key(index));
        });
        let mut nanoseconds = start.elapsed().as_nanos();
        let half = (bloom.false_positive_rate_at(keys / 2), measured(&bloom));
        let start = Instant::now();
        (keys / 2..keys).for_each(|index| {
            bloom.insert(key(index));
        });
        nanoseconds += start.elapsed().as_nanos();
        let full = (bloom.expected_false_positive_rate(), measured(&bloom));
        let nanoseconds = nanoseconds as f64 / keys as f64;
        write!(out, "{rate}: {bits:.1} bits, {nanoseconds:.0} ns")?;
        writeln!(out, ", half {:.3e} {:.3e}, full {:.3e} {:.3e}", half.0, half.1, full.0, full.1)?;
    }
    Ok(())
}

fn key(index: u64) -> u128 {
    xxh3_128(&index.to_le_bytes())
}

/// Returns the share of new keys that the filter reports as present.
fn measured(bloom: &Bloom) -> f64 {
    let found = (1 << 50..(1 << 50) + PROBES).filter(|&index| bloom.contains(key(index)));
    found.count() as f64 / PROBES as f64
}
