//! Dense and product-quantized matrices.

use super::error::ModelError;
use super::reader::{Reader, within};

/// Centroids of each part of a vector: a code is one byte.
pub(super) const CENTROIDS: usize = 256;

/// Columns that are added up together.
const BLOCK: usize = 16;

/// A matrix of `rows` × `columns`, in either form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Matrix {
    Dense(DenseMatrix),
    Quantized(QuantizedMatrix),
}

/// Row-major numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DenseMatrix {
    pub(super) columns: usize,
    pub(super) values: Vec<f32>,
}

/// Each row cut into parts of a few columns, each part given as the nearest of 256 centroids, and
/// if asked the row's length as the nearest of 256 lengths (Jégou et al. 2011, "Product
/// Quantization for Nearest Neighbor Search"; Joulin et al. 2016, "FastText.zip", section 3.1).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct QuantizedMatrix {
    pub(super) rows: usize,
    pub(super) quantizer: Quantizer,
    /// `rows` × parts.
    pub(super) codes: Vec<u8>,
    pub(super) norms: Option<Norms>,
}

/// The lengths of the rows: a code each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Norms {
    pub(super) quantizer: Quantizer,
    pub(super) codes: Vec<u8>,
}

/// The centroids of all parts of a vector of `columns`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantizer {
    pub(super) columns: usize,
    /// Columns of every part but the last, which has what remains.
    pub(super) part: usize,
    /// Parts × 256 × columns of the part.
    pub(super) centroids: Vec<f32>,
}

impl Matrix {
    /// Reads a matrix of `columns`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        is_quantized: bool,
        columns: usize,
    ) -> Result<Self, ModelError> {
        if is_quantized {
            QuantizedMatrix::read(reader, columns).map(Self::Quantized)
        } else {
            DenseMatrix::read(reader, columns).map(Self::Dense)
        }
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Dense(matrix) => matrix.write(bytes),
            Self::Quantized(matrix) => matrix.write(bytes),
        }
    }

    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.rows(),
            Self::Quantized(matrix) => matrix.rows,
        }
    }

    pub(super) fn is_quantized(&self) -> bool {
        matches!(self, Self::Quantized(_))
    }

    /// Adds rows to `sum`, one after the other.
    pub(super) fn add_rows(&self, rows: &[usize], sum: &mut [f32]) {
        match self {
            Self::Dense(matrix) => matrix.add_rows(rows, sum),
            Self::Quantized(matrix) => rows.iter().for_each(|&row| matrix.add_row(row, sum)),
        }
    }

    /// The dot product of a row and a vector, added up from the first column to the last.
    pub(super) fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        match self {
            Self::Dense(matrix) => dot(matrix.row(row), vector),
            Self::Quantized(matrix) => matrix.dot_row(row, vector),
        }
    }
}

/// Added up in order: fastText does so, and its sigmoid table makes the last bits visible.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).fold(0.0, |sum, (l, r)| sum + l * r)
}

/// Rows and columns as they stand before the values of either kind of matrix.
fn read_shape(reader: &mut Reader<'_>, columns: usize) -> Result<usize, ModelError> {
    let rows = reader.count64("the rows of a matrix", 0..=i64::MAX, "no negative number")?;
    let width = columns as i64;
    reader.count64("the columns of a matrix", width..=width, "the model's dimension")?;
    Ok(rows)
}

impl DenseMatrix {
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, values: vec![0.0; rows * columns] }
    }

    fn read(reader: &mut Reader<'_>, columns: usize) -> Result<Self, ModelError> {
        let rows = read_shape(reader, columns)?;
        let count = (rows as u64).saturating_mul(columns as u64);
        Ok(Self { columns, values: reader.floats("the values of a matrix", count)? })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&(self.rows() as i64).to_le_bytes());
        bytes.extend_from_slice(&(self.columns as i64).to_le_bytes());
        write_floats(&self.values, bytes);
    }

    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    #[inline]
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..][..self.columns]
    }

    #[inline]
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.columns..][..self.columns]
    }

    /// Adds rows to `sum`, one after the other. A few columns at a time, so that their sums stay
    /// in registers and many rows are on their way from memory at once.
    pub(super) fn add_rows(&self, rows: &[usize], sum: &mut [f32]) {
        let (blocks, rest) = sum.as_chunks_mut::<BLOCK>();
        for (index, block) in blocks.iter_mut().enumerate() {
            let mut sums = *block;
            for &row in rows {
                let values = &self.values[row * self.columns + index * BLOCK..][..BLOCK];
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
            *block = sums;
        }
        let first = self.columns - rest.len();
        for &row in rows {
            for (sum, value) in rest.iter_mut().zip(&self.row(row)[first..]) {
                *sum += value;
            }
        }
    }
}

impl QuantizedMatrix {
    fn read(reader: &mut Reader<'_>, columns: usize) -> Result<Self, ModelError> {
        let has_norms = reader.bool("the mark of quantized lengths")?;
        let rows = read_shape(reader, columns)?;
        let offset = reader.offset();
        let code_bytes =
            reader.count32("the bytes of the codes", 0..=i64::MAX, "no negative number")?;
        let codes = reader.take("the codes of a matrix", code_bytes as u64)?;
        let quantizer = Quantizer::read(reader, columns)?;
        let expected = (rows as u64).saturating_mul(quantizer.parts() as u64);
        let expected = i64::try_from(expected).unwrap_or(i64::MAX);
        let range = expected..=expected;
        within("the bytes of the codes", offset, code_bytes as i64, range, "rows times parts")?;
        let norms = if has_norms {
            let codes = reader.take("the codes of the lengths", rows as u64)?.to_vec();
            Some(Norms { codes, quantizer: Quantizer::read(reader, 1)? })
        } else {
            None
        };
        Ok(Self { rows, quantizer, codes: codes.to_vec(), norms })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self.norms.is_some()));
        bytes.extend_from_slice(&(self.rows as i64).to_le_bytes());
        bytes.extend_from_slice(&(self.quantizer.columns as i64).to_le_bytes());
        bytes.extend_from_slice(&(self.codes.len() as i32).to_le_bytes());
        bytes.extend_from_slice(&self.codes);
        self.quantizer.write(bytes);
        if let Some(norms) = &self.norms {
            bytes.extend_from_slice(&norms.codes);
            norms.quantizer.write(bytes);
        }
    }

    #[inline]
    fn norm(&self, row: usize) -> f32 {
        self.norms
            .as_ref()
            .map_or(1.0, |norms| norms.quantizer.centroids[usize::from(norms.codes[row])])
    }

    /// Adds a row to `sum`.
    #[inline]
    pub(super) fn add_row(&self, row: usize, sum: &mut [f32]) {
        let norm = self.norm(row);
        let parts = self.quantizer.parts();
        let codes = &self.codes[row * parts..][..parts];
        if self.quantizer.part == 2 && self.quantizer.columns.is_multiple_of(2) {
            // The usual width of a part, with the loop over its columns unrolled.
            let centroids = self.quantizer.centroids.as_chunks::<2>().0.chunks_exact(CENTROIDS);
            let sums = sum.as_chunks_mut::<2>().0.iter_mut();
            for ((sum, centroids), &code) in sums.zip(centroids).zip(codes) {
                let centroid = centroids[usize::from(code)];
                sum[0] += norm * centroid[0];
                sum[1] += norm * centroid[1];
            }
            return;
        }
        for (index, (sum, &code)) in sum.chunks_mut(self.quantizer.part).zip(codes).enumerate() {
            for (sum, value) in sum.iter_mut().zip(self.quantizer.centroid(index, code)) {
                *sum += norm * value;
            }
        }
    }

    fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        let parts = self.quantizer.parts();
        let codes = &self.codes[row * parts..][..parts];
        let mut sum = 0.0;
        for (index, (values, &code)) in vector.chunks(self.quantizer.part).zip(codes).enumerate() {
            for (value, centroid) in values.iter().zip(self.quantizer.centroid(index, code)) {
                sum += value * centroid;
            }
        }
        sum * self.norm(row)
    }
}

impl Quantizer {
    fn read(reader: &mut Reader<'_>, columns: usize) -> Result<Self, ModelError> {
        let width = columns as i64;
        reader.count32("the width of a quantizer", width..=width, "the columns of its matrix")?;
        let offset = reader.offset();
        let parts = reader.i32("the parts of a quantizer")?;
        let part = reader.count32("the width of a part", 1..=width, "1 to the columns")?;
        let expected = columns.div_ceil(part) as i64;
        let range = expected..=expected;
        within("the parts of a quantizer", offset, i64::from(parts), range, "columns by width")?;
        let last = (columns - (expected as usize - 1) * part) as i64;
        reader.count32("the width of the last part", last..=last, "what remains of the columns")?;
        let count = (columns * CENTROIDS) as u64;
        Ok(Self { columns, part, centroids: reader.floats("the centroids", count)? })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let parts = self.parts();
        let last = self.columns - (parts - 1) * self.part;
        for number in [self.columns, parts, self.part, last] {
            bytes.extend_from_slice(&(number as i32).to_le_bytes());
        }
        write_floats(&self.centroids, bytes);
    }

    pub(super) fn parts(&self) -> usize {
        self.columns.div_ceil(self.part)
    }

    /// The centroid of a part that a code stands for.
    #[inline]
    fn centroid(&self, index: usize, code: u8) -> &[f32] {
        let first = index * self.part;
        let width = self.part.min(self.columns - first);
        &self.centroids[first * CENTROIDS + usize::from(code) * width..][..width]
    }
}

fn write_floats(values: &[f32], bytes: &mut Vec<u8>) {
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}
