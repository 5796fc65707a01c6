//! The Huffman tree of hierarchical softmax.

use super::activation::log;
use super::best::Best;
use super::dictionary::MAX_COUNT;
use super::matrix::Matrix;

/// The parent of the root: no node.
const NONE: u32 = u32::MAX;

/// A binary tree over the labels. Nodes with an index below `labels` are leaves, every other node
/// has a row in the output matrix, and the last node is the root.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    labels: usize,
    /// The left and right child of each inner node.
    children: Vec<[u32; 2]>,
    /// The parent of each node, and whether the node is its right child.
    parents: Vec<(u32, bool)>,
}

impl Tree {
    /// Builds the same tree as fastText for labels with these counts. There must be at least one
    /// count, and each must be below 10^15. Nodes are merged from the last label to the first, so
    /// the tree is only optimal if the counts are in descending order.
    pub(super) fn new(counts: &[i64]) -> Self {
        let labels = counts.len();
        let nodes = 2 * labels - 1;
        let mut weights = vec![MAX_COUNT; nodes];
        weights[..labels].copy_from_slice(counts);
        let mut children = vec![[0, 0]; labels - 1];
        let mut parents = vec![(NONE, false); nodes];
        // Merge the two lightest nodes, which are at the heads of two queues: the leaves from the
        // last one to the first, and the inner nodes in the order in which they were built.
        let mut leaves = labels;
        let mut inner = labels;
        for node in labels..nodes {
            let pair = [0, 1].map(|_| {
                if leaves > 0 && weights[leaves - 1] < weights[inner] {
                    leaves -= 1;
                    leaves
                } else {
                    inner += 1;
                    inner - 1
                }
            });
            weights[node] = weights[pair[0]].saturating_add(weights[pair[1]]);
            children[node - labels] = pair.map(|child| child as u32);
            parents[pair[0]] = (node as u32, false);
            parents[pair[1]] = (node as u32, true);
        }
        Self { labels, children, parents }
    }

    /// The decisions on the path from a label up to the root: the row of each inner node, and
    /// whether the path goes through its right child.
    pub(super) fn path(&self, label: usize) -> impl Iterator<Item = (usize, bool)> {
        let mut node = label;
        std::iter::from_fn(move || {
            let (parent, is_right) = self.parents[node];
            if parent == NONE {
                return None;
            }
            node = parent as usize;
            Some((node - self.labels, is_right))
        })
    }

    /// Collects in `best` the labels whose probability is at least `threshold`.
    ///
    /// Traverses the tree depth first, left before right, and skips subtrees whose score is too low
    /// already. The order is that of the C++ tool: of two labels with nearly the same score, it
    /// decides which one is found first and which one is then skipped.
    pub(super) fn predict(
        &self,
        matrix: &Matrix,
        hidden: &[f32],
        threshold: f32,
        best: &mut Best,
        stack: &mut Vec<(u32, f32)>,
    ) {
        let lowest = log(threshold);
        stack.clear();
        stack.push((self.parents.len() as u32 - 1, 0.0));
        while let Some((node, score)) = stack.pop() {
            if score < lowest || best.bar().is_some_and(|bar| score < bar) {
                continue;
            }
            if (node as usize) < self.labels {
                best.push((score, node));
                continue;
            }
            let row = node as usize - self.labels;
            let right = sigmoid(matrix.dot_row(row, hidden));
            // Only a damaged model has NaN. It would pass all comparisons with scores.
            if right.is_nan() {
                continue;
            }
            let [left_child, right_child] = self.children[row];
            stack.push((right_child, score + log(right)));
            let left = (1.0 - f64::from(right)) as f32;
            stack.push((left_child, score + log(left)));
        }
    }
}

/// The exact sigmoid. As in fastText, predictions use it in place of the table used in training.
fn sigmoid(x: f32) -> f32 {
    (1.0 / f64::from(1.0 + (-x).exp())) as f32
}
