//! What a checkpoint holds, and how a model and a run come back from one.
//!
//! | file | content |
//! |---|---|
//! | `model.safetensors` | the weights, named as Hugging Face's Llama names them |
//! | `config.json` | the shape for `transformers`, if it knows it |
//! | `optimizer.safetensors` | the optimiser's moments of every parameter |
//! | `state.json` | [`State`]: step, settings, curve, digests of the other files |
//!
//! The same run gives the same bytes at the same step.

use candle_core::Device;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::export::SpecialIds;
use crate::export::hf::config_json;
use crate::optimizer::Optimizer;
use crate::parameters::Parameters;
use crate::progress::Curve;
use crate::settings::{FREE_ON_RESUME, TrainConfig};
use crate::source::StreamId;
use crate::tensors::Precision;
use crate::{Llama, ModelConfig, ModelError};

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const CONFIG: &str = "config.json";
const STATE: &str = "state.json";

/// Version of the layout of `state.json`.
const STATE_VERSION: u32 = 2;

/// The content of `state.json`: everything of a run but its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Version of this layout.
    pub version: u32,
    /// Finished steps, which is also the state of the loader and of the schedule.
    pub step: usize,
    /// The shape of the model.
    pub model: ModelConfig,
    /// The settings of the run.
    pub train: TrainConfig,
    /// The training split.
    pub training_tokens: StreamId,
    /// The validation split.
    pub validation_tokens: StreamId,
    /// The steps whose update was left out because of a spike.
    pub skipped_steps: Vec<usize>,
    /// XXH3-128 of `model.safetensors` and `optimizer.safetensors`, in hexadecimal.
    pub digests: [String; 2],
    /// All points so far.
    pub curve: Curve,
}

impl State {
    /// A state at `step`, digests still empty.
    pub(crate) fn new(
        model: &ModelConfig,
        train: &TrainConfig,
        [training_tokens, validation_tokens]: [StreamId; 2],
    ) -> Self {
        Self {
            version: STATE_VERSION,
            step: 0,
            model: model.clone(),
            train: train.clone(),
            training_tokens,
            validation_tokens,
            skipped_steps: Vec::new(),
            digests: [String::new(), String::new()],
            curve: Curve::default(),
        }
    }

    /// Refuses to go on from `self` with other settings than `now`, where they would change the result.
    pub(crate) fn check_same_run(&self, now: &Self) -> Result<(), ModelError> {
        let differs = |what: &str, theirs: String, ours: String| {
            if theirs == ours {
                return Ok(());
            }
            let what = what.to_owned();
            Err(ModelError::ResumeMismatch { step: self.step, what, theirs, ours })
        };
        differs("model", format!("{:?}", self.model), format!("{:?}", now.model))?;
        let settings = |train: &TrainConfig| match serde_json::to_value(train) {
            Ok(serde_json::Value::Object(settings)) => settings,
            _ => serde_json::Map::new(),
        };
        let theirs = settings(&self.train);
        for (key, ours) in settings(&now.train) {
            if !FREE_ON_RESUME.contains(&key.as_str()) {
                let theirs = theirs.get(&key).map(ToString::to_string).unwrap_or_default();
                differs(&key, theirs, ours.to_string())?;
            }
        }
        let streams = [
            ("training tokens", &self.training_tokens, &now.training_tokens),
            ("validation tokens", &self.validation_tokens, &now.validation_tokens),
        ];
        for (what, theirs, ours) in streams {
            differs(what, format!("{theirs:?}"), format!("{ours:?}"))?;
        }
        Ok(())
    }
}

/// The files of a checkpoint: name and content.
pub fn to_files(
    model: &Llama,
    optimizer: &Optimizer,
    state: &State,
) -> Result<Vec<(&'static str, Vec<u8>)>, ModelError> {
    let weights = model.parameters().to_safetensors()?;
    let moments = optimizer.to_safetensors(model.parameters())?;
    let state = State { digests: [digest(&weights), digest(&moments)], ..state.clone() };
    let json =
        serde_json::to_string_pretty(&state).map_err(|error| bad(STATE, error.to_string()))?;
    let mut files = vec![(MODEL, weights), (OPTIMIZER, moments)];
    // A shape that no public format has does not need the file.
    if let Ok(config) = config_json(model.config(), SpecialIds::default(), Precision::F32) {
        files.push((CONFIG, config.into_bytes()));
    }
    files.push((STATE, (json + "\n").into_bytes()));
    Ok(files)
}

/// Loads the model of a checkpoint.
///
/// # Errors
/// A file is missing, or damaged: its digest is not the one in `state.json`.
pub fn load_model(files: &[(String, Vec<u8>)], device: &Device) -> Result<Llama, ModelError> {
    let state = load_state(files)?;
    let weights = checked(files, MODEL, &state.digests[0])?;
    Llama::new(&state.model, Parameters::from_safetensors(&state.model, weights, device)?, device)
}

/// Loads the optimiser that goes with `model`.
pub(crate) fn load_optimizer(
    files: &[(String, Vec<u8>)],
    model: &Llama,
    state: &State,
) -> Result<Optimizer, ModelError> {
    let moments = checked(files, OPTIMIZER, &state.digests[1])?;
    Optimizer::from_safetensors(model.parameters(), state.train.optimizer_settings(), moments)
}

/// Reads `state.json`.
///
/// # Errors
/// It is missing, not what this version writes, or describes an invalid model.
pub fn load_state(files: &[(String, Vec<u8>)]) -> Result<State, ModelError> {
    let state: State = serde_json::from_slice(find(files, STATE)?)
        .map_err(|error| bad(STATE, error.to_string()))?;
    if state.version != STATE_VERSION {
        return Err(bad(STATE, format!("version {} is not {STATE_VERSION}", state.version)));
    }
    state.model.validate()?;
    Ok(state)
}

fn checked<'a>(
    files: &'a [(String, Vec<u8>)],
    name: &'static str,
    expected: &str,
) -> Result<&'a [u8], ModelError> {
    let content = find(files, name)?;
    let found = digest(content);
    if found == expected {
        return Ok(content);
    }
    Err(bad(name, format!("its digest is {found}, `{STATE}` says {expected}")))
}

fn find<'a>(files: &'a [(String, Vec<u8>)], name: &'static str) -> Result<&'a [u8], ModelError> {
    let found = files.iter().find(|(candidate, _)| candidate == name);
    found.map(|(_, content)| content.as_slice()).ok_or_else(|| bad(name, "it is missing".into()))
}

fn digest(content: &[u8]) -> String {
    format!("{:032x}", xxh3_128(content))
}

fn bad(file: &str, reason: String) -> ModelError {
    ModelError::BadCheckpoint { file: file.to_owned(), reason }
}
