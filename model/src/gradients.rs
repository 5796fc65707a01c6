//! One forward and backward pass. It keeps the intermediate values of all layers, or it keeps only
//! their inputs and computes each layer twice.

use bug::OrBug as _;
use candle_core::{DType, Tensor};

use crate::error::ModelError;
use crate::llama::Llama;
use crate::ops::tape::{Tape, add};
use crate::ops::{Composite, Differentiable, Gradients, Kernels, LossOptions, LossSums};
use crate::parameters::Parameters;
use crate::rows::Rows;

impl Llama {
    /// The summed loss of `rows`, and the gradients of its total with respect to all parameters, in
    /// the order of the parameters.
    ///
    /// With `recompute` only the input of each layer is kept for the backward pass, which runs each
    /// layer once more (Chen et al. 2016): about a third more work for a fraction of the memory,
    /// with the same result.
    ///
    /// # Errors
    /// A sequence is longer than the context, an id is not in the vocabulary, or an operation cuts
    /// the graph ([`ModelError::MissingGradient`]).
    pub fn loss_and_gradients(
        &self,
        rows: &Rows,
        options: &LossOptions,
        recompute: bool,
    ) -> Result<(LossSums, Vec<Tensor>), ModelError> {
        self.check(rows)?;
        match self.kernels {
            Kernels::Fused => differentiate::<Tape>(self, rows, options, recompute),
            Kernels::Composite => differentiate::<Composite>(self, rows, options, recompute),
            Kernels::CompositeBf16 => {
                differentiate::<Composite<true>>(self, rows, options, recompute)
            }
        }
    }
}

fn differentiate<O: Differentiable>(
    model: &Llama,
    rows: &Rows,
    options: &LossOptions,
    recompute: bool,
) -> Result<(LossSums, Vec<Tensor>), ModelError> {
    let mut gradients = Sum::new(&model.parameters);
    let sums = if recompute {
        layer_by_layer::<O>(model, rows, options, &mut gradients)?
    } else {
        let ops = O::recording();
        let hidden = model.hidden(&ops, rows.inputs(), &model.head_shape(rows.ends()))?;
        output::<O>(model, rows, options, (ops, &hidden), &mut gradients)?.0
    };
    Ok((sums, gradients.finish()?))
}

/// The loss of `hidden`, and the backward pass from there to the leaves of `ops`.
fn output<O: Differentiable>(
    model: &Llama,
    rows: &Rows,
    options: &LossOptions,
    (ops, hidden): (O, &O::Value),
    gradients: &mut Sum<'_>,
) -> Result<(LossSums, O::Gradients), ModelError> {
    let content = O::content(hidden);
    let (sums, [d_hidden, d_table]) =
        O::loss_and_gradients(&content, &model.output, rows.targets(), options)?;
    let mut found = ops.backward(hidden, &d_hidden)?;
    gradients.add_all(&mut found)?;
    gradients.add_one(&model.output, d_table)?;
    Ok((sums, found))
}

/// Keeps the input of each layer, and runs each layer again in the backward pass.
fn layer_by_layer<O: Differentiable>(
    model: &Llama,
    rows: &Rows,
    options: &LossOptions,
    gradients: &mut Sum<'_>,
) -> Result<LossSums, ModelError> {
    let shape = model.head_shape(rows.ends());
    let plain = model.detached();
    let ops = O::inference();
    let mut x = ops.embed(rows.inputs(), &plain.embedding)?;
    let mut inputs = Vec::with_capacity(model.layers.len());
    for layer in &plain.layers {
        inputs.push(O::content(&x));
        x = plain.layer(&ops, layer, &x, &shape)?;
    }
    let lost = |what: String| move || ModelError::MissingGradient { name: what };
    let ops = O::recording();
    let (leaf, x) = ops.leaf(&O::content(&x))?;
    let hidden = ops.rms_norm(&x, &model.norm, model.config.norm_eps)?;
    let (sums, mut found) = output::<O>(model, rows, options, (ops, &hidden), gradients)?;
    let mut gradient = found.take(&leaf).ok_or_else(lost("the last layer".to_owned()))?;
    for (index, (layer, input)) in model.layers.iter().zip(inputs).enumerate().rev() {
        let ops = O::recording();
        let (leaf, x) = ops.leaf(&input)?;
        let y = model.layer(&ops, layer, &x, &shape)?;
        let mut found = ops.backward(&y, &gradient)?;
        gradients.add_all(&mut found)?;
        gradient = found.take(&leaf).ok_or_else(lost(format!("the input of layer {index}")))?;
    }
    let ops = O::recording();
    let x = ops.embed(rows.inputs(), &model.embedding)?;
    gradients.add_all(&mut ops.backward(&x, &gradient)?)?;
    Ok(sums)
}

/// The gradients found so far, in the order of the parameters.
struct Sum<'a> {
    parameters: &'a Parameters,
    gradients: Vec<Option<Tensor>>,
}

impl<'a> Sum<'a> {
    fn new(parameters: &'a Parameters) -> Self {
        Self { parameters, gradients: parameters.iter().map(|_| None).collect() }
    }

    fn add_all(&mut self, found: &mut impl Gradients) -> Result<(), ModelError> {
        for ((_, variable), sum) in self.parameters.iter().zip(&mut self.gradients) {
            if let Some(gradient) = found.take(variable.as_tensor()) {
                accumulate(sum, gradient)?;
            }
        }
        Ok(())
    }

    fn add_one(&mut self, parameter: &Tensor, gradient: Tensor) -> Result<(), ModelError> {
        let mut all = self.parameters.iter().zip(&mut self.gradients);
        let found = all.find(|((_, variable), _)| variable.as_tensor().id() == parameter.id());
        let (_, sum) = found.or_bug("the output table is not among the parameters")?;
        accumulate(sum, gradient)
    }

    fn finish(self) -> Result<Vec<Tensor>, ModelError> {
        let named = self.parameters.iter().zip(self.gradients);
        named
            .map(|((name, _), gradient)| {
                gradient.ok_or_else(|| ModelError::MissingGradient { name: name.to_owned() })
            })
            .collect()
    }
}

fn accumulate(sum: &mut Option<Tensor>, gradient: Tensor) -> Result<(), ModelError> {
    *sum = Some(match sum.take() {
        None => gradient,
        // The plain loop keeps a lane on its own thread; candle's addition uses a shared pool.
        Some(sum) if sum.device().is_cpu() && sum.dtype() == DType::F32 => {
            add(&sum.contiguous()?, &gradient.contiguous()?)?
        }
        Some(sum) => (sum + gradient)?,
    });
    Ok(())
}
