//! Dense and product-quantized matrices.

use super::error::ModelError;
use super::reader::{Reader, within};

/// Number of centroids for each part of a vector, so that a code is one byte.
pub(super) const CENTROIDS: usize = 256;

/// Columns that are summed together.
const BLOCK: usize = 16;

/// A matrix of `rows` × `columns`, dense or quantized.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Matrix {
    Dense(DenseMatrix),
    Quantized(QuantizedMatrix),
}

/// A matrix in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DenseMatrix {
    pub(super) columns: usize,
    pub(super) values: Vec<f32>,
}

/// A product-quantized matrix (Jégou et al. 2011, "Product Quantization for Nearest Neighbor
/// Search"; Joulin et al. 2016, "FastText.zip", section 3.1). Each row is split into parts of a few
/// columns, and each part is stored as the index of the nearest of 256 centroids. With `norms`, the
/// rows have length 1, and their lengths are stored separately as the nearest of 256 lengths.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct QuantizedMatrix {
    pub(super) rows: usize,
    pub(super) quantizer: Quantizer,
    /// `rows` × parts.
    pub(super) codes: Vec<u8>,
    pub(super) norms: Option<Norms>,
}

/// The quantized lengths of the rows, one code per row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Norms {
    pub(super) quantizer: Quantizer,
    pub(super) codes: Vec<u8>,
}

/// The centroids of all parts of a vector of `columns`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantizer {
    pub(super) columns: usize,
    /// Columns per part; the last part has the remaining columns.
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

    /// Adds the given rows to `sum`, in order.
    pub(super) fn add_rows(&self, rows: &[usize], sum: &mut [f32]) {
        match self {
            Self::Dense(matrix) => matrix.add_rows(rows, sum),
            Self::Quantized(matrix) => rows.iter().for_each(|&row| matrix.add_row(row, sum)),
        }
    }

    /// The dot product of a row and a vector, summed from the first column to the last.
    pub(super) fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        match self {
            Self::Dense(matrix) => dot(matrix.row(row), vector),
            Self::Quantized(matrix) => matrix.dot_row(row, vector),
        }
    }
}

/// A dot product, summed in order as in fastText: another order would change the last bits, which
/// the steps of the sigmoid table make visible.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).fold(0.0, |sum, (l, r)| sum + l * r)
}

/// Reads the numbers of rows and columns, which precede the values of both kinds of matrix. Returns
/// the number of rows.
fn read_shape(reader: &mut Reader<'_>, columns: usize) -> Result<usize, ModelError> {
    let rows = reader.count64("the number of rows of a matrix", 0..=i64::MAX, "0 or more")?;
    let width = columns as i64;
    let expected = "the model's dimension";
    reader.count64("the number of columns of a matrix", width..=width, expected)?;
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

    /// Adds the given rows to `sum`, in order. It does so for a few columns at a time, so that
    /// their sums stay in registers and many rows are loaded from memory in parallel.
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
        let has_norms = reader.bool("the flag for quantized lengths")?;
        let rows = read_shape(reader, columns)?;
        let offset = reader.offset();
        let code_bytes = reader.count32("the size of the codes", 0..=i64::MAX, "0 or more")?;
        let codes = reader.take("the codes of a matrix", code_bytes as u64)?;
        let quantizer = Quantizer::read(reader, columns)?;
        let expected = (rows as u64).saturating_mul(quantizer.parts() as u64);
        // A product beyond `i64` differs from the size in any case, as that has 31 bits.
        let expected = i64::try_from(expected).unwrap_or(i64::MAX);
        let range = expected..=expected;
        within("the size of the codes", offset, code_bytes as i64, range, "rows times parts")?;
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
            // The usual width of a part; the loop over its columns is unrolled.
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
        reader.count32(
            "the width of a quantizer",
            width..=width,
            "the number of columns of its matrix",
        )?;
        let offset = reader.offset();
        let parts = i64::from(reader.i32("the number of parts")?);
        let expected = "1 to the number of columns";
        let part = reader.count32("the width of a part", 1..=width, expected)?;
        let count = columns.div_ceil(part);
        let range = count as i64..=count as i64;
        let expected = "the number of columns divided by the width of a part";
        within("the number of parts", offset, parts, range, expected)?;
        let last = (columns - (count - 1) * part) as i64;
        let expected = "the number of remaining columns";
        reader.count32("the width of the last part", last..=last, expected)?;
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

    /// The centroid with this code in the part with this index.
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
