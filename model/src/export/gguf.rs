//! GGUF, version 2 as candle writes it, with llama.cpp's names: `llama` or, with normed queries and
//! keys, `qwen3`.
//!
//! llama.cpp's rotation pairs neighbouring components of a head for `llama`, and the two halves of
//! a head for `qwen3`. Weights here are trained with halves. So for `llama` the rows of the query
//! and key projections are reordered, as llama.cpp's own converter does it.

use std::io::Cursor;

use bug::OrBug as _;
use candle_core::quantized::gguf_file::{Content, Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};

use super::{architecture, bad_file};
use crate::config::{Activation, ModelConfig};
use crate::error::ModelError;
use crate::llama::Llama;
use crate::parameters::{EMBEDDING, OUTPUT, Parameters, shapes};
use crate::tensors::Precision;

const FILE: &str = "model.gguf";

/// llama.cpp's numbers of file types (`general.file_type`).
const FILE_TYPE_F32: u32 = 0;
const FILE_TYPE_BF16: u32 = 32;

/// The bytes of a GGUF file.
///
/// `tokenizer` holds the vocabulary under llama.cpp's keys (`tokenizer.ggml.model`, `.tokens`,
/// `.merges` …). If it is empty, the file holds weights only.
///
/// # Errors
/// Neither Llama nor Qwen3 has the shape of the model, or memory runs out.
pub fn to_gguf(
    model: &Llama,
    name: &str,
    precision: Precision,
    tokenizer: &[(String, Value)],
) -> Result<Vec<u8>, ModelError> {
    let config = model.config();
    let permutes = architecture(config)? == "llama";
    let mut tensors = Vec::new();
    for (name, variable) in model.parameters().iter() {
        let mut tensor = variable.as_tensor().to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        if let Some(heads) = rotated_heads(name, config).filter(|_| permutes) {
            tensor = halves_to_pairs(&tensor, heads)?;
        }
        // Vectors keep 32 bits, because llama.cpp requires it of norms.
        let dtype = match precision {
            Precision::Bf16 if tensor.rank() > 1 => GgmlDType::BF16,
            _ => GgmlDType::F32,
        };
        tensors.push((gguf_name(name), QTensor::quantize(&tensor, dtype)?));
    }
    let mut metadata = metadata(config, name, precision)?;
    metadata.extend(tokenizer.iter().cloned());
    let metadata: Vec<(&str, &Value)> =
        metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> =
        tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut bytes = Cursor::new(Vec::new());
    write(&mut bytes, &metadata, &tensors)?;
    Ok(bytes.into_inner())
}

fn metadata(
    config: &ModelConfig,
    name: &str,
    precision: Precision,
) -> Result<Vec<(String, Value)>, ModelError> {
    let kind = architecture(config)?;
    let number = |key: &str, value: usize| (format!("{kind}.{key}"), Value::U32(value as u32));
    let file_type = match precision {
        Precision::F32 => FILE_TYPE_F32,
        Precision::Bf16 => FILE_TYPE_BF16,
    };
    Ok(vec![
        ("general.architecture".to_owned(), Value::String(kind.to_owned())),
        ("general.name".to_owned(), Value::String(name.to_owned())),
        ("general.file_type".to_owned(), Value::U32(file_type)),
        number("block_count", config.n_layers),
        number("context_length", config.context),
        number("embedding_length", config.dim),
        number("feed_forward_length", config.ffn_dim),
        number("vocab_size", config.vocab_size),
        number("attention.head_count", config.n_heads),
        number("attention.head_count_kv", config.n_kv_heads),
        number("attention.key_length", config.head_dim()),
        number("attention.value_length", config.head_dim()),
        number("rope.dimension_count", config.head_dim()),
        (format!("{kind}.rope.freq_base"), Value::F32(config.rope_theta as f32)),
        (format!("{kind}.attention.layer_norm_rms_epsilon"), Value::F32(config.norm_eps as f32)),
    ])
}

/// The model of a GGUF file, with its weights converted to 32 bits.
///
/// # Errors
/// The bytes are not a GGUF file, the architecture is neither `llama` nor `qwen3`, or a key or a
/// tensor is missing or has another type or shape.
pub fn from_gguf(bytes: &[u8], device: &Device) -> Result<Llama, ModelError> {
    let mut reader = Cursor::new(bytes);
    let content = Content::read(&mut reader).map_err(|error| bad_file(FILE, error))?;
    let config = parse(&content)?;
    let permutes = !config.qk_norm;
    let mut named = Vec::new();
    for (name, shape) in shapes(&config) {
        let tensor = content.tensor(&mut reader, &gguf_name(&name), &Device::Cpu);
        let tensor = tensor.map_err(|error| bad_file(FILE, error))?.dequantize(&Device::Cpu)?;
        if tensor.dims() != shape {
            let reason = format!("`{name}` is {:?}, its keys say {shape:?}", tensor.dims());
            return Err(bad_file(FILE, reason));
        }
        let heads = rotated_heads(&name, &config).filter(|_| permutes);
        let tensor = match heads {
            Some(heads) => pairs_to_halves(&tensor, heads)?,
            None => tensor,
        };
        named.push((name, tensor.to_dtype(DType::F32)?));
    }
    Llama::new(&config, Parameters::from_tensors(named, device)?, device)
}

fn parse(content: &Content) -> Result<ModelConfig, ModelError> {
    let get = |key: &str| {
        let value = content.metadata.get(key);
        value.ok_or_else(|| bad_file(FILE, format!("no key `{key}`")))
    };
    let kind = get("general.architecture")?.to_string().map_err(|error| bad_file(FILE, error))?;
    if kind != "llama" && kind != "qwen3" {
        return Err(bad_file(FILE, format!("architecture {kind:?} is not llama or qwen3")));
    }
    let has = |key: &str| content.metadata.contains_key(&format!("{kind}.{key}"));
    let number = |key: &str| {
        let value = get(&format!("{kind}.{key}"))?.to_u32();
        value.map(|value| value as usize).map_err(|error| bad_file(FILE, error))
    };
    let number_or = |key: &str, default| if has(key) { number(key) } else { Ok(default) };
    let real = |key: &str| {
        let value = get(&format!("{kind}.{key}"))?.to_f32();
        shortest(value.map_err(|error| bad_file(FILE, error))?)
    };
    // The table says more than the key `vocab_size`, which not every file has.
    let vocab_size = match content.tensor_infos.get("token_embd.weight") {
        Some(info) => {
            let rows = info.shape.dims().first().copied();
            rows.ok_or_else(|| bad_file(FILE, "`token_embd.weight` has no dimensions"))?
        }
        None => number("vocab_size")?,
    };
    let (dim, n_heads) = (number("embedding_length")?, number("attention.head_count")?);
    let head_dim = number_or("attention.key_length", 0)?;
    let config = ModelConfig {
        vocab_size,
        dim,
        n_layers: number("block_count")?,
        n_heads,
        n_kv_heads: number_or("attention.head_count_kv", n_heads)?,
        head_dim: if head_dim * n_heads == dim { 0 } else { head_dim },
        ffn_dim: number("feed_forward_length")?,
        activation: Activation::Swiglu,
        context: number("context_length")?,
        tie_embeddings: !content.tensor_infos.contains_key("output.weight"),
        qk_norm: kind == "qwen3",
        rope_theta: if has("rope.freq_base") { real("rope.freq_base")? } else { 10_000.0 },
        norm_eps: real("attention.layer_norm_rms_epsilon")?,
        logit_softcap: 0.0,
    };
    config.validate()?;
    Ok(config)
}

/// The shortest decimal number that rounds to this f32: 1e-5, not 9.999999747378752e-6.
fn shortest(value: f32) -> Result<f64, ModelError> {
    Ok(value.to_string().parse().or_bug("an f32 in decimals is no number")?)
}

/// llama.cpp's name of a parameter.
fn gguf_name(name: &str) -> String {
    match name {
        EMBEDDING => return "token_embd.weight".to_owned(),
        OUTPUT => return "output.weight".to_owned(),
        "model.norm.weight" => return "output_norm.weight".to_owned(),
        _ => {}
    }
    let names = [
        ("model.layers.", "blk."),
        ("input_layernorm", "attn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    names.iter().fold(name.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs))
}

/// The number of heads of a projection whose result is rotated; `None` for other parameters.
fn rotated_heads(name: &str, config: &ModelConfig) -> Option<usize> {
    if name.ends_with("q_proj.weight") {
        Some(config.n_heads)
    } else if name.ends_with("k_proj.weight") {
        Some(config.n_kv_heads)
    } else {
        None
    }
}

/// Reorders the rows of each head from (first half, second half) to (pair, pair, …).
fn halves_to_pairs(weight: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
    let (out, width) = weight.dims2()?;
    let split = weight.reshape((heads, 2, out / heads / 2, width))?;
    split.transpose(1, 2)?.contiguous()?.reshape((out, width))
}

/// The inverse of [`halves_to_pairs`].
fn pairs_to_halves(weight: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
    let (out, width) = weight.dims2()?;
    let split = weight.reshape((heads, out / heads / 2, 2, width))?;
    split.transpose(1, 2)?.contiguous()?.reshape((out, width))
}
