//! MT19937 (Matsumoto and Nishimura 1998), seeded and sampled as by NumPy's legacy `RandomState`,
//! from which datatrove draws its hash functions.

/// Words of the state (`n` in the paper).
const STATE_WORDS: usize = 624;

/// Distance of the words that are combined (`m` in the paper).
const SHIFT_WORDS: usize = 397;

/// The generator's state.
pub(super) struct MersenneTwister {
    state: [u32; STATE_WORDS],
    position: usize,
}

impl MersenneTwister {
    /// The initial state of `RandomState(seed)`.
    pub(super) fn new(seed: u32) -> Self {
        let mut state = [seed; STATE_WORDS];
        for index in 1..STATE_WORDS {
            let last = state[index - 1];
            state[index] =
                (last ^ (last >> 30)).wrapping_mul(1_812_433_253).wrapping_add(index as u32);
        }
        Self { state, position: STATE_WORDS }
    }

    fn next_u32(&mut self) -> u32 {
        if self.position == STATE_WORDS {
            self.twist();
        }
        let mut word = self.state[self.position];
        self.position += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C_5680;
        word ^= (word << 15) & 0xEFC6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for index in 0..STATE_WORDS {
            let next = self.state[(index + 1) % STATE_WORDS];
            let joined = (self.state[index] & 0x8000_0000) | (next & 0x7FFF_FFFF);
            let odd = if joined & 1 == 1 { 0x9908_B0DF } else { 0 };
            self.state[index] =
                self.state[(index + SHIFT_WORDS) % STATE_WORDS] ^ (joined >> 1) ^ odd;
        }
        self.position = 0;
    }

    /// A number from 0 to `most`, drawn as `RandomState.randint` draws 64-bit numbers: two outputs,
    /// the first of which is the upper half, masked to the bits of `most`, and drawn again while
    /// the result is above `most`.
    pub(super) fn at_most(&mut self, most: u64) -> u64 {
        // A shift by 64, for `most` = 0, overflows; the mask is then 0.
        let mask = u64::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let upper = u64::from(self.next_u32()) << 32;
            let number = (upper | u64::from(self.next_u32())) & mask;
            if number <= most {
                return number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_those_of_the_published_generator() {
        // The 10,000th output for the seed 5489, from the C++ standard ([rand.predef]).
        let mut generator = MersenneTwister::new(5489);
        let last = (0..10_000).map(|_| generator.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
