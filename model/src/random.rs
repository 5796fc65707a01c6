//! Random numbers that are a function of (seed, name): no state, no order, the same on every
//! device.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The random generator of one named purpose of a run, such as the parameter that it fills.
pub fn random_for(seed: u64, name: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (slot, byte) in
        key.iter_mut().zip(seed.to_le_bytes().into_iter().chain(fnv1a(name).to_le_bytes()))
    {
        *slot = byte;
    }
    ChaCha8Rng::from_seed(key)
}

/// A number in [0, 1) with 53 random bits.
pub(crate) fn uniform(random: &mut impl RngCore) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// `count` normal numbers with mean 0 (Box and Muller, 1958).
pub fn normals(random: &mut impl RngCore, count: usize, standard_deviation: f64) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(count + 1);
    while numbers.len() < count {
        // 1 - u is in (0, 1], so the logarithm is finite.
        let radius = standard_deviation * (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * uniform(random)).sin_cos();
        numbers.push((radius * cos) as f32);
        numbers.push((radius * sin) as f32);
    }
    numbers.truncate(count);
    numbers
}

/// 64-bit FNV-1a. It only has to keep names apart, so it need not be cryptographic.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
