//! Hugging Face's layout: `config.json`, `generation_config.json` and `model.safetensors`, for
//! `LlamaForCausalLM` or, with normed queries and keys, for `Qwen3ForCausalLM`.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use super::{SpecialIds, architecture, bad_file};
use crate::config::{Activation, ModelConfig};
use crate::error::ModelError;
use crate::llama::Llama;
use crate::parameters::{INIT_STANDARD_DEVIATION, Parameters, shapes};
use crate::source::CheckpointFiles;
use crate::tensors::{Precision, write_tensors_as};

const CONFIG: &str = "config.json";
const MODEL: &str = "model.safetensors";

/// The `config.json` of a model.
///
/// It holds the base of RoPE twice: `transformers` 5 reads `rope_parameters`, earlier versions read
/// `rope_theta`.
///
/// # Errors
/// Neither Llama nor Qwen3 has this shape.
pub(crate) fn config_json(
    config: &ModelConfig,
    ids: SpecialIds,
    precision: Precision,
) -> Result<String, ModelError> {
    let model_type = architecture(config)?;
    let class = if config.qk_norm { "Qwen3ForCausalLM" } else { "LlamaForCausalLM" };
    let dtype = match precision {
        Precision::F32 => "float32",
        Precision::Bf16 => "bfloat16",
    };
    let json = json!({
        "architectures": [class],
        "model_type": model_type,
        "vocab_size": config.vocab_size,
        "hidden_size": config.dim,
        "intermediate_size": config.ffn_dim,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "head_dim": config.head_dim(),
        "max_position_embeddings": config.context,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "rope_parameters": { "rope_theta": config.rope_theta, "rope_type": "default" },
        "attention_bias": false,
        "attention_dropout": 0.0,
        "mlp_bias": false,
        "tie_word_embeddings": config.tie_embeddings,
        "initializer_range": INIT_STANDARD_DEVIATION,
        "bos_token_id": ids.bos,
        "eos_token_id": ids.eos,
        "use_cache": true,
        "torch_dtype": dtype,
    });
    Ok(format!("{json:#}\n"))
}

/// The files of a model: name and content. The tokenizer's files belong in the same folder.
///
/// # Errors
/// Neither Llama nor Qwen3 has the shape of the model, or memory runs out.
pub fn to_hf_files(
    model: &Llama,
    ids: SpecialIds,
    precision: Precision,
) -> Result<Vec<(&'static str, Vec<u8>)>, ModelError> {
    let config = config_json(model.config(), ids, precision)?;
    let generation = json!({
        "bos_token_id": ids.bos,
        "eos_token_id": ids.eos,
        "do_sample": true,
        "temperature": 0.8,
        "top_k": 50,
    });
    let tensors = model.parameters().iter();
    let tensors = tensors.map(|(name, variable)| (name.to_owned(), variable.as_tensor()));
    Ok(vec![
        (CONFIG, config.into_bytes()),
        ("generation_config.json", format!("{generation:#}\n").into_bytes()),
        (MODEL, write_tensors_as(MODEL, tensors, precision)?),
    ])
}

/// Reads the `config.json` and all `.safetensors` files of a folder.
///
/// # Errors
/// The folder cannot be read.
pub fn read_hf_folder(folder: &Path) -> std::io::Result<CheckpointFiles> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == CONFIG || name.ends_with(".safetensors") {
            files.push((name, std::fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}

/// The model of a Llama or Qwen3 folder, for further training or for sampling. Its weights have 16,
/// 32 or 64 bits and are in one file or in several. A `context` of 0 stands for the folder's own.
///
/// # Errors
/// A file is missing or damaged, or the model has a part that this crate does not compute (biases,
/// scaled RoPE, sliding windows, another activation).
pub fn from_hf_files(
    files: &[(String, Vec<u8>)],
    context: usize,
    device: &Device,
) -> Result<Llama, ModelError> {
    let json = files.iter().find(|(name, _)| name == CONFIG);
    let (_, json) = json.ok_or_else(|| bad_file(CONFIG, "it is missing"))?;
    let mut config = parse_config(json)?;
    if context > 0 {
        config.context = context;
    }
    let weights: Vec<(&str, SafeTensors<'_>)> = files
        .iter()
        .filter(|(name, _)| name.ends_with(".safetensors"))
        .map(|(name, bytes)| match SafeTensors::deserialize(bytes) {
            Ok(tensors) => Ok((name.as_str(), tensors)),
            Err(error) => Err(bad_file(name, error)),
        })
        .collect::<Result<_, _>>()?;
    let tensor = |name: &str, shape: &[usize]| {
        // A tensor is in one of the files; `tensor` fails only where it is not.
        let mut found =
            weights.iter().filter_map(|(file, all)| Some((file, all.tensor(name).ok()?)));
        let (file, view) = found.next().ok_or_else(|| bad_file(MODEL, format!("no `{name}`")))?;
        if view.shape() != shape {
            let reason = format!("`{name}` is {:?}, `{CONFIG}` says {shape:?}", view.shape());
            return Err(bad_file(file, reason));
        }
        let dtype = match view.dtype() {
            Dtype::F64 => DType::F64,
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            other => return Err(bad_file(file, format!("`{name}` is {other:?}, not a real type"))),
        };
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, shape, &Device::Cpu)?;
        Ok(tensor.to_dtype(DType::F32)?)
    };
    let named = shapes(&config).into_iter().map(|(name, shape)| {
        let tensor = tensor(&name, &shape)?;
        Ok((name, tensor))
    });
    let parameters =
        Parameters::from_tensors(named.collect::<Result<Vec<_>, ModelError>>()?, device)?;
    Llama::new(&config, parameters, device)
}

fn parse_config(bytes: &[u8]) -> Result<ModelConfig, ModelError> {
    let config: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| bad_file(CONFIG, error))?;
    let qk_norm = match optional(&config, "model_type", "a text", Value::as_str)? {
        Some("llama") => false,
        Some("qwen3") => true,
        other => {
            let found = other.unwrap_or("");
            return Err(bad_file(CONFIG, format!("`model_type` is {found:?}, not llama or qwen3")));
        }
    };
    refuse_unknown_parts(&config)?;
    let whole = |key: &str| -> Result<Option<usize>, ModelError> {
        let number = optional(&config, key, "a whole number", Value::as_u64)?;
        Ok(number.map(|number| number as usize))
    };
    let number = |key: &str| whole(key)?.ok_or_else(|| bad_file(CONFIG, format!("no `{key}`")));
    let real =
        |table: &Map<String, Value>, key: &str| optional(table, key, "a number", Value::as_f64);
    let nested = match config.get("rope_parameters").and_then(Value::as_object) {
        Some(rope) => real(rope, "rope_theta")?,
        None => None,
    };
    let rope_theta = nested.or(real(&config, "rope_theta")?);
    let n_heads = number("num_attention_heads")?;
    let dim = number("hidden_size")?;
    let head_dim = whole("head_dim")?.filter(|width| width * n_heads != dim);
    let tied = optional(&config, "tie_word_embeddings", "true or false", Value::as_bool)?;
    // The defaults are those of the configuration classes in `transformers`.
    let model = ModelConfig {
        vocab_size: number("vocab_size")?,
        dim,
        n_layers: number("num_hidden_layers")?,
        n_heads,
        n_kv_heads: whole("num_key_value_heads")?.unwrap_or(n_heads),
        head_dim: head_dim.unwrap_or(0),
        ffn_dim: number("intermediate_size")?,
        activation: Activation::Swiglu,
        context: number("max_position_embeddings")?,
        tie_embeddings: tied.unwrap_or(false),
        qk_norm,
        rope_theta: rope_theta.unwrap_or(10_000.0),
        norm_eps: real(&config, "rms_norm_eps")?.unwrap_or(1e-6),
        logit_softcap: 0.0,
    };
    model.validate()?;
    Ok(model)
}

/// The value of a key that may be absent or null.
///
/// # Errors
/// The value is not of the `kind` that `read` takes.
fn optional<'a, T>(
    table: &'a Map<String, Value>,
    key: &str,
    kind: &str,
    read: impl Fn(&'a Value) -> Option<T>,
) -> Result<Option<T>, ModelError> {
    let Some(value) = table.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    match read(value) {
        Some(value) => Ok(Some(value)),
        None => Err(bad_file(CONFIG, format!("`{key}` is {value}, not {kind}"))),
    }
}

/// Refuses a model with a part that this crate does not compute: without the part it would be
/// another model.
fn refuse_unknown_parts(config: &Map<String, Value>) -> Result<(), ModelError> {
    for key in ["attention_bias", "mlp_bias", "use_sliding_window"] {
        if optional(config, key, "true or false", Value::as_bool)? == Some(true) {
            return Err(bad_file(
                CONFIG,
                format!("`{key}` is true, which this program does not compute"),
            ));
        }
    }
    let activation = optional(config, "hidden_act", "a text", Value::as_str)?;
    if let Some(activation) = activation.filter(|activation| *activation != "silu") {
        return Err(bad_file(CONFIG, format!("`hidden_act` is {activation:?}, not \"silu\"")));
    }
    for key in ["rope_scaling", "rope_parameters"] {
        let rope = config.get(key).filter(|rope| !rope.is_null());
        let kind = rope.and_then(|rope| rope.get("rope_type").or_else(|| rope.get("type")));
        if let Some(kind) = kind.filter(|kind| !kind.is_null() && **kind != "default") {
            let reason = format!("`{key}` is {kind}: scaled positions are not supported");
            return Err(bad_file(CONFIG, reason));
        }
    }
    Ok(())
}
