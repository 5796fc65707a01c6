//! A small reverse-mode tape for the CPU.
//!
//! candle's own backward pass fills a tensor with zeros and adds to it for every edge of the graph.
//! It runs each addition on a pool of spinning threads behind one lock, so data-parallel lanes
//! cannot run side by side. This tape keeps the first gradient that arrives, frees the values of a
//! node as soon as the node is done, and stays on its thread.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, TensorId, bail};

/// The part of a parent's gradient that comes from one node.
pub(crate) enum Contribution {
    /// A tensor of the parent's shape.
    Dense(Tensor),
    /// Rows [n, dim] that are added to the rows `ids` of a table with `n_rows` rows.
    Rows { ids: Vec<u32>, rows: Tensor, n_rows: usize },
}

/// Computes the contributions of a node to all of its parents from its own gradient.
type Backward = Box<dyn FnOnce(&Tensor) -> Result<Vec<Contribution>>>;

struct Node {
    parents: Vec<usize>,
    backward: Option<Backward>,
}

/// A value on a [`Tape`].
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// The value itself, outside candle's graph.
    pub(crate) tensor: Tensor,
    node: usize,
}

/// The operations of one forward pass, in order.
pub(crate) struct Tape {
    nodes: RefCell<Vec<Node>>,
    parameters: RefCell<Vec<(TensorId, usize)>>,
    records: bool,
}

/// Gradients of the parameters that a backward pass reached.
pub(crate) struct Gradients(Vec<(TensorId, Tensor)>);

impl super::Gradients for Gradients {
    fn take(&mut self, parameter: &Tensor) -> Option<Tensor> {
        let index = self.0.iter().position(|(id, _)| *id == parameter.id())?;
        Some(self.0.swap_remove(index).1)
    }
}

impl Tape {
    /// A tape for training.
    pub(crate) fn recording() -> Self {
        Self { nodes: RefCell::default(), parameters: RefCell::default(), records: true }
    }

    /// A tape that keeps nothing for a backward pass.
    pub(crate) fn inference() -> Self {
        Self { records: false, ..Self::recording() }
    }

    /// The value of a trainable tensor. All uses of the tensor share one node.
    pub(crate) fn parameter(&self, parameter: &Tensor) -> Value {
        let tensor = parameter.detach();
        let known = self.parameters.borrow().iter().find(|(id, _)| *id == parameter.id()).copied();
        if let Some((_, node)) = known {
            return Value { tensor, node };
        }
        let node = self.push(Vec::new(), None);
        self.parameters.borrow_mut().push((parameter.id(), node));
        Value { tensor, node }
    }

    /// Records that `tensor` was computed from `parents`.
    pub(crate) fn record(
        &self,
        tensor: Tensor,
        parents: &[&Value],
        backward: impl FnOnce(&Tensor) -> Result<Vec<Contribution>> + 'static,
    ) -> Value {
        if !self.records {
            return Value { tensor, node: 0 };
        }
        let parents = parents.iter().map(|parent| parent.node).collect();
        Value { tensor, node: self.push(parents, Some(Box::new(backward))) }
    }

    fn push(&self, parents: Vec<usize>, backward: Option<Backward>) -> usize {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node { parents, backward });
        nodes.len() - 1
    }

    /// The gradients of the parameters that `value` was computed from, if `gradient` is the
    /// gradient of `value`.
    pub(crate) fn backward(self, value: &Value, gradient: &Tensor) -> Result<Gradients> {
        let mut nodes = self.nodes.into_inner();
        let mut gradients: Vec<Option<Tensor>> = nodes.iter().map(|_| None).collect();
        let Some(last) = gradients.get_mut(value.node) else {
            bail!("the value is not on this tape")
        };
        *last = Some(gradient.clone());
        while let Some(Node { parents, backward }) = nodes.pop() {
            // Parameters have no parents; their gradients stay where they are.
            let Some(backward) = backward else { continue };
            // A node that `value` does not depend on has no gradient.
            let Some(gradient) = gradients[nodes.len()].take() else { continue };
            for (parent, contribution) in parents.into_iter().zip(backward(&gradient)?) {
                let sum = accumulate(gradients[parent].take(), contribution)?;
                gradients[parent] = Some(sum);
            }
        }
        let parameters = self.parameters.into_inner().into_iter();
        Ok(Gradients(
            parameters.filter_map(|(id, node)| Some((id, gradients[node].take()?))).collect(),
        ))
    }
}

fn accumulate(gradient: Option<Tensor>, contribution: Contribution) -> Result<Tensor> {
    match (gradient, contribution) {
        (None, Contribution::Dense(tensor)) => Ok(tensor),
        // A new tensor, because both parents of an addition share one gradient.
        (Some(sum), Contribution::Dense(tensor)) => add(&sum, &tensor),
        (gradient, Contribution::Rows { ids, rows, n_rows }) => {
            let width = rows.dim(1)?;
            // In place, because only a parameter gets rows, and its gradient is not shared.
            let table = match gradient {
                Some(table) => table,
                None => Tensor::zeros((n_rows, width), rows.dtype(), rows.device())?,
            };
            read(&rows, |rows| table.inplace_op1(&AddRows { ids: &ids, rows, width }))??;
            Ok(table)
        }
    }
}

/// Adds `rows` to the rows `ids` of a table, one after the other.
struct AddRows<'a> {
    ids: &'a [u32],
    rows: &'a [f32],
    width: usize,
}

impl InplaceOp1 for AddRows<'_> {
    fn name(&self) -> &'static str {
        "add_rows"
    }

    fn cpu_fwd(&self, table: &mut CpuStorage, _: &Layout) -> Result<()> {
        let CpuStorage::F32(table) = table else { bail!("add_rows needs f32") };
        for (&id, row) in self.ids.iter().zip(self.rows.chunks_exact(self.width)) {
            let sum = &mut table[id as usize * self.width..][..self.width];
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
        Ok(())
    }
}

/// The sum of two tensors of equal shape.
pub(crate) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let sum = read(a, |a| read(b, |b| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f32>>()))??;
    Tensor::from_vec(sum, a.shape(), a.device())
}

/// Reads the values of a contiguous f32 tensor in CPU memory without copying them.
pub(crate) fn read<R>(tensor: &Tensor, reader: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(values), Some((start, end))) => {
            Ok(reader(&values.as_slice::<f32>()?[start..end]))
        }
        _ => bail!("a fused operation needs contiguous tensors in CPU memory"),
    }
}
