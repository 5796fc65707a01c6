//! A table of a function of characters for the basic multilingual plane. The standard library's
//! look-ups of character properties are slow above Latin-1.

/// The number of code points of the basic multilingual plane.
const CODE_POINTS: u32 = 0x1_0000;

/// The values of a function for the 65,536 code points of the plane.
pub(crate) struct Plane<T> {
    values: Vec<T>,
    of: fn(char) -> T,
}

impl<T: Copy> Plane<T> {
    /// Builds the table of `of`. `surrogate` fills the places of surrogates, which are not
    /// characters.
    pub(crate) fn new(of: fn(char) -> T, surrogate: T) -> Self {
        let value = |code_point| char::from_u32(code_point).map_or(surrogate, of);
        Self { values: (0..CODE_POINTS).map(value).collect(), of }
    }

    /// The function's value for a character. Outside the plane it is computed, not looked up.
    pub(crate) fn get(&self, character: char) -> T {
        self.values.get(character as usize).copied().unwrap_or_else(|| (self.of)(character))
    }
}
