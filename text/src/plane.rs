//! A function of characters, tabulated for the basic multilingual plane: the standard library's
//! look-ups of properties are slow beyond Latin-1.

/// Code points of the basic multilingual plane.
const CODE_POINTS: u32 = 0x1_0000;

/// The values of a function for the 65,536 characters of the plane.
pub(crate) struct Plane<T> {
    values: Vec<T>,
    of: fn(char) -> T,
}

impl<T: Copy> Plane<T> {
    /// Tabulates `of`; `surrogate` stands where there is no character.
    pub(crate) fn new(of: fn(char) -> T, surrogate: T) -> Self {
        let value = |code_point| char::from_u32(code_point).map_or(surrogate, of);
        Self { values: (0..CODE_POINTS).map(value).collect(), of }
    }

    /// The function's value.
    pub(crate) fn get(&self, character: char) -> T {
        self.values.get(character as usize).copied().unwrap_or_else(|| (self.of)(character))
    }
}
