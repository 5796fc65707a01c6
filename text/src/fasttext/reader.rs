//! Reads little-endian values from bytes, and checks that enough bytes remain.

use super::error::ModelError;

/// A position in the bytes of a model.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// The offset of the next value.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Checks that at least `needed` bytes remain.
    pub(super) fn check(&self, what: &'static str, needed: u64) -> Result<(), ModelError> {
        let length = self.bytes.len();
        if needed > (length - self.offset) as u64 {
            return Err(ModelError::Truncated { what, offset: self.offset, needed, length });
        }
        Ok(())
    }

    /// Reads `count` bytes.
    pub(super) fn take(&mut self, what: &'static str, count: u64) -> Result<&'a [u8], ModelError> {
        self.check(what, count)?;
        let end = self.offset + count as usize;
        let taken = &self.bytes[self.offset..end];
        self.offset = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ModelError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(what, N as u64)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, ModelError> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(super) fn i32(&mut self, what: &'static str) -> Result<i32, ModelError> {
        Ok(i32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn i64(&mut self, what: &'static str) -> Result<i64, ModelError> {
        Ok(i64::from_le_bytes(self.array(what)?))
    }

    pub(super) fn f64(&mut self, what: &'static str) -> Result<f64, ModelError> {
        Ok(f64::from_le_bytes(self.array(what)?))
    }

    /// Reads a byte that must be 0 or 1.
    pub(super) fn bool(&mut self, what: &'static str) -> Result<bool, ModelError> {
        let offset = self.offset;
        let value = i64::from(self.u8(what)?);
        within(what, offset, value, 0..=1, "0 or 1")?;
        Ok(value == 1)
    }

    /// Reads a four-byte count that must be in `range`.
    pub(super) fn count32(
        &mut self,
        what: &'static str,
        range: std::ops::RangeInclusive<i64>,
        expected: &'static str,
    ) -> Result<usize, ModelError> {
        let offset = self.offset;
        let value = i64::from(self.i32(what)?);
        within(what, offset, value, range, expected)?;
        Ok(value as usize)
    }

    /// Reads an eight-byte count that must be in `range`.
    pub(super) fn count64(
        &mut self,
        what: &'static str,
        range: std::ops::RangeInclusive<i64>,
        expected: &'static str,
    ) -> Result<usize, ModelError> {
        let offset = self.offset;
        let value = self.i64(what)?;
        within(what, offset, value, range, expected)?;
        Ok(value as usize)
    }

    /// Reads `count` four-byte floats.
    pub(super) fn floats(
        &mut self,
        what: &'static str,
        count: u64,
    ) -> Result<Vec<f32>, ModelError> {
        let bytes = self.take(what, count.saturating_mul(4))?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
    }

    /// Reads the bytes up to the next NUL, and skips the NUL.
    pub(super) fn string(&mut self, what: &'static str) -> Result<&'a [u8], ModelError> {
        let rest = &self.bytes[self.offset..];
        let Some(length) = memchr::memchr(0, rest) else {
            let length = self.bytes.len();
            let needed = rest.len() as u64 + 1;
            return Err(ModelError::Truncated { what, offset: self.offset, needed, length });
        };
        self.offset += length + 1;
        Ok(&rest[..length])
    }
}

/// Checks that `value` is in `range`.
pub(super) fn within(
    what: &'static str,
    offset: usize,
    value: i64,
    range: std::ops::RangeInclusive<i64>,
    expected: &'static str,
) -> Result<(), ModelError> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(ModelError::OutOfRange { what, offset, value, expected })
    }
}
