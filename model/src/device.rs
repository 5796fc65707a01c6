//! Which device a run computes on.

use candle_core::Device;

use crate::ModelError;

/// Opens a device by name: `cpu`, `cuda` (the first GPU), or `auto` (the first GPU if this binary and
/// this machine have one, else the CPU).
///
/// # Errors
/// An unknown name; `cuda` in a binary without the feature, or without a usable GPU.
pub fn open(name: &str) -> Result<Device, ModelError> {
    let refuse = |way_out: String| ModelError::Config {
        field: "device",
        value: format!("\"{name}\""),
        way_out,
    };
    match name {
        "auto" if cfg!(feature = "cuda") => Ok(Device::new_cuda(0).unwrap_or(Device::Cpu)),
        "auto" | "cpu" => Ok(Device::Cpu),
        "cuda" if cfg!(feature = "cuda") => Device::new_cuda(0)
            .map_err(|error| refuse(format!("no usable GPU ({error}); use \"cpu\""))),
        "cuda" => Err(refuse(
            "this binary was built without CUDA; build with `--features cuda`, or use \"cpu\""
                .into(),
        )),
        _ => Err(refuse("give \"cpu\", \"cuda\" or \"auto\"".into())),
    }
}
