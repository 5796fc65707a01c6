//! The optimiser: which rule and which settings apply to which parameter, and its state.
//!
//! | group | parameters | AdamW run | Muon run |
//! |---|---|---|---|
//! | hidden | the matrices inside the layers | AdamW with decay | Muon with decay |
//! | output | `lm_head` | AdamW with decay | AdamW with decay |
//! | embedding | the embedding table | AdamW, no decay | AdamW, no decay |
//! | norms | all vectors | AdamW, no decay | AdamW, no decay |

mod adamw;
pub(crate) mod arithmetic;
mod muon;

use candle_core::{Tensor, Var};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::parallel::Lanes;
use crate::parameters::{EMBEDDING, Parameters};
use crate::tensors::{read_tensors, write_tensors};

/// Name of the file with the state within a checkpoint.
const FILE: &str = "optimizer.safetensors";

/// Which optimiser a run uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// AdamW for all parameters.
    #[default]
    Adamw,
    /// Muon for the matrices inside the layers, AdamW for the rest.
    Muon,
}

/// The settings of an optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerSettings {
    /// Which rules.
    pub kind: OptimizerKind,
    /// Decoupled weight decay of all matrices except the embedding table.
    pub weight_decay: f64,
    /// Decays of AdamW's two moments. The second is usually 0.95 as for GPT-3, because the
    /// gradients of language models change quickly.
    pub betas: (f64, f64),
    /// Learning rate of the embedding table, as a multiple of the others'.
    pub embedding_rate: f64,
}

/// The state of one parameter, in f32.
#[derive(Debug)]
enum Moments {
    Adamw { first: Var, second: Var },
    Muon { momentum: Var },
}

/// An optimiser and its state.
#[derive(Debug)]
pub struct Optimizer {
    moments: Vec<Moments>,
    settings: OptimizerSettings,
}

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
pub struct StepNumbers {
    /// Updates so far, including this one.
    pub update: usize,
    /// The learning rate.
    pub learning_rate: f64,
    /// Factor of the gradients, applied before anything else.
    pub gradient_scale: f64,
}

fn is_hidden(name: &str, variable: &Var) -> bool {
    variable.rank() == 2 && name.starts_with("model.layers.")
}

impl Optimizer {
    /// An optimiser before its first update.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn new(parameters: &Parameters, settings: OptimizerSettings) -> Result<Self, ModelError> {
        let zeros = |variable: &Var| Var::from_tensor(&variable.zeros_like()?);
        let moments = parameters.iter().map(|(name, variable)| {
            Ok(match settings.kind {
                OptimizerKind::Muon if is_hidden(name, variable) => {
                    Moments::Muon { momentum: zeros(variable)? }
                }
                _ => Moments::Adamw { first: zeros(variable)?, second: zeros(variable)? },
            })
        });
        Ok(Self { moments: moments.collect::<Result<_, ModelError>>()?, settings })
    }

    /// The tensors of the state, with their names in a checkpoint.
    fn tensors(&self, parameters: &Parameters) -> Vec<(String, Var)> {
        let named = parameters.iter().zip(&self.moments);
        named
            .flat_map(|((name, _), moments)| match moments {
                Moments::Adamw { first, second } => vec![
                    (format!("first.{name}"), first.clone()),
                    (format!("second.{name}"), second.clone()),
                ],
                Moments::Muon { momentum } => {
                    vec![(format!("momentum.{name}"), momentum.clone())]
                }
            })
            .collect()
    }

    /// Reads the state from the bytes of an `optimizer.safetensors`.
    ///
    /// # Errors
    /// A tensor is missing or does not have the shape of its parameter.
    pub(crate) fn from_safetensors(
        parameters: &Parameters,
        settings: OptimizerSettings,
        bytes: &[u8],
    ) -> Result<Self, ModelError> {
        let this = Self::new(parameters, settings)?;
        let tensors = this.tensors(parameters);
        let wanted = tensors.iter().map(|(name, variable)| (name.as_str(), variable.dims()));
        let values = read_tensors(FILE, bytes, wanted)?;
        for ((_, variable), values) in tensors.iter().zip(values) {
            variable.set(&Tensor::from_vec(values, variable.shape(), variable.device())?)?;
        }
        Ok(this)
    }

    /// The bytes of an `optimizer.safetensors`.
    ///
    /// # Errors
    /// Memory runs out.
    pub(crate) fn to_safetensors(&self, parameters: &Parameters) -> Result<Vec<u8>, ModelError> {
        let tensors = self.tensors(parameters);
        let tensors = tensors.iter().map(|(name, variable)| (name.clone(), variable.as_tensor()));
        write_tensors(FILE, tensors)
    }

    /// One update of all parameters. `gradients` has the order of the parameters. Muon's matrix
    /// products run on `lanes`, one matrix per lane.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &[Tensor],
        numbers: StepNumbers,
        lanes: &Lanes,
    ) -> Result<(), ModelError> {
        let mut matrices = Vec::new();
        for (((name, variable), gradient), moments) in
            parameters.iter().zip(gradients).zip(&self.moments)
        {
            let rate = match name {
                EMBEDDING => numbers.learning_rate * self.settings.embedding_rate,
                _ => numbers.learning_rate,
            };
            let decays = variable.rank() >= 2 && name != EMBEDDING;
            let shrink = if decays { rate * self.settings.weight_decay } else { 0.0 };
            match moments {
                Moments::Adamw { first, second } => {
                    let update = self.adamw(numbers, rate, shrink);
                    update.apply(variable, gradient, first, second)?;
                }
                Moments::Muon { momentum } => matrices.push((variable, gradient, momentum, shrink)),
            }
        }
        let (rate, scale) = (numbers.learning_rate, numbers.gradient_scale);
        let updates = lanes.map(&matrices, |(variable, gradient, momentum, shrink)| {
            muon::update(variable, gradient, momentum, (rate, *shrink, scale))
        });
        Ok(updates.into_iter().collect::<candle_core::Result<_>>()?)
    }

    fn adamw(&self, numbers: StepNumbers, rate: f64, shrink: f64) -> adamw::Update {
        // Long before i32::MAX updates the powers are 0, so a larger number changes nothing.
        let exponent = i32::try_from(numbers.update).unwrap_or(i32::MAX);
        let (beta1, beta2) = self.settings.betas;
        adamw::Update {
            betas: self.settings.betas,
            rate: rate / (1.0 - beta1.powi(exponent)),
            second_correction: 1.0 / (1.0 - beta2.powi(exponent)),
            gradient_scale: numbers.gradient_scale,
            shrink,
        }
    }
}
