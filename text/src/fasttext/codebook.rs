//! Computes the centroids of a product quantizer (Jégou et al. 2011, "Product Quantization for
//! Nearest Neighbor Search") by Lloyd's algorithm, and encodes rows with them.

use super::matrix::{CENTROIDS, DenseMatrix, Norms, QuantizedMatrix, Quantizer};
use super::random::Random;

/// Maximum number of rows used to compute the centroids (fastText 0.9.2, `max_points_`).
const MAX_POINTS: usize = 256 * CENTROIDS;

/// Maximum number of rounds of Lloyd's algorithm (fastText 0.9.2, `niter_`).
const ROUNDS: usize = 25;

/// How far the two halves of a split centroid are moved apart: relative to the coordinate, and at
/// least (fastText 0.9.2 has only the latter, `eps_`).
const SPLIT: [f32; 2] = [1e-4, 1e-7];

/// Distances compared side by side, so that the compiler emits vector instructions.
const LANES: usize = 16;

/// Quantizes a matrix in parts of `part` columns. With `with_norms`, the rows are scaled to length
/// 1 first and their lengths are quantized separately.
pub(super) fn quantize(
    matrix: &DenseMatrix,
    part: usize,
    with_norms: bool,
    random: &mut Random,
) -> QuantizedMatrix {
    let norms = with_norms.then(|| row_norms(matrix));
    let points = Points { matrix, norms: norms.as_deref() };
    let (quantizer, codes) = points.quantize(part.min(matrix.columns), random);
    let norms = norms.map(|values| {
        let lengths = DenseMatrix { columns: 1, values };
        let points = Points { matrix: &lengths, norms: None };
        let (quantizer, codes) = points.quantize(1, random);
        Norms { quantizer, codes }
    });
    QuantizedMatrix { rows: matrix.rows(), quantizer, codes, norms }
}

/// The Euclidean lengths of all rows.
pub(super) fn row_norms(matrix: &DenseMatrix) -> Vec<f32> {
    let norm = |row: &[f32]| row.iter().map(|value| value * value).sum::<f32>().sqrt();
    matrix.values.chunks_exact(matrix.columns).map(norm).collect()
}

/// The rows used to compute the centroids: all of them or, if there are too many, the longest ones
/// and an equal number of random others. Long vectors decide predictions, but a purely random
/// sample would contain few of them: most buckets are rarely updated in training, so their vectors
/// stay short.
fn sample(matrix: &DenseMatrix, random: &mut Random) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..matrix.rows() as u32).collect();
    if rows.len() > MAX_POINTS {
        let norms = row_norms(matrix);
        let longer = |left: &u32, right: &u32| {
            norms[*right as usize].total_cmp(&norms[*left as usize]).then(left.cmp(right))
        };
        let (longest, _, others) = rows.select_nth_unstable_by(MAX_POINTS / 2 - 1, longer);
        // The selection leaves both halves in an unspecified order, which must not affect the
        // result.
        longest.sort_unstable();
        others.sort_unstable();
        random.shuffle_first(others, MAX_POINTS / 2);
        rows.truncate(MAX_POINTS);
    }
    rows
}

/// The rows of a matrix, scaled to length 1 if their lengths are given.
struct Points<'a> {
    matrix: &'a DenseMatrix,
    norms: Option<&'a [f32]>,
}

impl Points<'_> {
    /// Computes the centroids of each part, and the codes, row by row.
    fn quantize(&self, part: usize, random: &mut Random) -> (Quantizer, Vec<u8>) {
        let (rows, columns) = (self.matrix.rows(), self.matrix.columns);
        let sample = sample(self.matrix, random);
        let parts = columns.div_ceil(part);
        let mut quantizer = Quantizer { columns, part, centroids: Vec::new() };
        let mut codes = vec![0; rows * parts];
        let mut point = Vec::new();
        for index in 0..parts {
            let first = index * part;
            let width = part.min(columns - first);
            let mut points = Vec::with_capacity(sample.len() * width);
            for &row in &sample {
                self.part(row as usize, first, width, &mut point);
                points.extend_from_slice(&point);
            }
            let mut centroids = Centroids::find(&points, width, random);
            for row in 0..rows {
                self.part(row, first, width, &mut point);
                codes[row * parts + index] = centroids.nearest(&point);
            }
            quantizer.centroids.extend_from_slice(&centroids.values());
        }
        (quantizer, codes)
    }

    /// Sets `point` to `width` columns of a row, from column `first` on.
    fn part(&self, row: usize, first: usize, width: usize, point: &mut Vec<f32>) {
        point.clear();
        let norm = self.norms.map_or(1.0, |norms| norms[row]);
        // A row of zeros keeps its values.
        let scale = if norm > 0.0 { norm } else { 1.0 };
        let values = &self.matrix.row(row)[first..first + width];
        point.extend(values.iter().map(|value| value / scale));
    }
}

/// 256 points, stored column by column, so that a point can be compared with many of them at once.
struct Centroids {
    columns: Vec<[f32; CENTROIDS]>,
    distances: [f32; CENTROIDS],
}

impl Centroids {
    /// The centroids of `points` of `width` numbers each. Up to 256 points are their own centroids.
    fn find(points: &[f32], width: usize, random: &mut Random) -> Self {
        let columns = vec![[0.0; CENTROIDS]; width];
        let mut centroids = Self { columns, distances: [0.0; CENTROIDS] };
        let count = points.len() / width;
        if count <= CENTROIDS {
            for (index, point) in points.chunks_exact(width).enumerate() {
                centroids.set(index, point);
            }
            return centroids;
        }
        centroids.spread(points, random);
        let mut codes = vec![0; count];
        for _ in 0..ROUNDS {
            let mut has_changed = false;
            for (point, code) in points.chunks_exact(width).zip(&mut codes) {
                let nearest = centroids.nearest(point);
                has_changed |= nearest != *code;
                *code = nearest;
            }
            if !has_changed {
                break;
            }
            centroids.set_means(points, &codes);
        }
        centroids
    }

    fn set(&mut self, index: usize, point: &[f32]) {
        for (column, value) in self.columns.iter_mut().zip(point) {
            column[index] = *value;
        }
    }

    /// Draws the initial centroids from the points, each with a probability proportional to its
    /// squared distance from the nearest centroid so far (Arthur and Vassilvitskii 2007,
    /// "k-means++: The Advantages of Careful Seeding").
    fn spread(&mut self, points: &[f32], random: &mut Random) {
        let width = self.columns.len();
        let mut distances = vec![f32::INFINITY; points.len() / width];
        let mut drawn = random.below(distances.len());
        for index in 0..CENTROIDS {
            let centroid = &points[drawn * width..][..width];
            self.set(index, centroid);
            let mut sum = 0.0;
            for (distance, point) in distances.iter_mut().zip(points.chunks_exact(width)) {
                let new: f32 = point.iter().zip(centroid).map(|(p, c)| (p - c) * (p - c)).sum();
                *distance = distance.min(new);
                sum += f64::from(*distance);
            }
            let mut place = random.unit() * sum;
            // No point is found if every point is a centroid already (all distances are 0), or by
            // rounding. Any point will do then.
            drawn = distances
                .iter()
                .position(|&distance| {
                    place -= f64::from(distance);
                    place < 0.0
                })
                .unwrap_or(0);
        }
    }

    /// The index of the nearest centroid; of several equally near ones, the first.
    fn nearest(&mut self, point: &[f32]) -> u8 {
        self.distances.fill(0.0);
        for (column, &value) in self.columns.iter().zip(point) {
            for (distance, centroid) in self.distances.iter_mut().zip(column) {
                *distance += (value - centroid) * (value - centroid);
            }
        }
        let mut least = [f32::INFINITY; LANES];
        for distances in self.distances.as_chunks::<LANES>().0 {
            for (least, &distance) in least.iter_mut().zip(distances) {
                *least = if distance < *least { distance } else { *least };
            }
        }
        let least = least.into_iter().fold(f32::INFINITY, f32::min);
        // Only if all distances are NaN is no centroid the nearest. Any code will do then.
        self.distances.iter().position(|&distance| distance <= least).unwrap_or(0) as u8
    }

    /// Moves each centroid to the mean of its points. If it has none, the centroid with the most
    /// points is split in two halves instead.
    fn set_means(&mut self, points: &[f32], codes: &[u8]) {
        let mut counts = [0usize; CENTROIDS];
        for column in &mut self.columns {
            column.fill(0.0);
        }
        for (point, &code) in points.chunks_exact(self.columns.len()).zip(codes) {
            counts[usize::from(code)] += 1;
            for (column, value) in self.columns.iter_mut().zip(point) {
                column[usize::from(code)] += value;
            }
        }
        for column in &mut self.columns {
            for (value, &count) in column.iter_mut().zip(&counts) {
                *value /= count.max(1) as f32;
            }
        }
        for empty in 0..CENTROIDS {
            if counts[empty] > 0 {
                continue;
            }
            let most = (1..CENTROIDS)
                .fold(0, |most, code| if counts[code] > counts[most] { code } else { most });
            for column in &mut self.columns {
                let value = column[most];
                let apart = (value * SPLIT[0]).abs().max(SPLIT[1]);
                column[empty] = value + apart;
                column[most] = value - apart;
            }
            counts[empty] = counts[most] / 2;
            counts[most] -= counts[empty];
        }
    }

    /// The coordinates, centroid by centroid, as in a file.
    fn values(&self) -> Vec<f32> {
        (0..CENTROIDS)
            .flat_map(|code| self.columns.iter().map(move |column| column[code]))
            .collect()
    }
}
