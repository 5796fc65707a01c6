//! Which device a run computes on, or which GPUs.

use candle_core::Device;

use crate::ModelError;

/// Opens a device by name: `cpu`, `cuda` (the first GPU), `cuda:2`, or `auto` (the first GPU if this binary and
/// this machine have one, else the CPU). Of several GPUs it opens the first.
///
/// # Errors
/// An unknown name; a GPU in a binary without the feature `cuda`, or one that cannot be used.
pub fn open(name: &str) -> Result<Device, ModelError> {
    match numbers(name)? {
        None => Ok(automatic(name)),
        Some(gpus) => gpu(name, gpus.first().copied().unwrap_or(0)),
    }
}

/// Opens all devices of a name: as [`open`], and `cuda:0,1,3` or `cuda:all` for several GPUs.
///
/// # Errors
/// As [`open`].
pub fn open_all(name: &str) -> Result<Vec<Device>, ModelError> {
    match numbers(name)? {
        None => Ok(vec![automatic(name)]),
        Some(gpus) => gpus.into_iter().map(|number| gpu(name, number)).collect(),
    }
}

fn refuse(name: &str, way_out: &str) -> ModelError {
    crate::error::refuse("device", format!("\"{name}\""), way_out)
}

/// The numbers of the GPUs that a name stands for; nothing where it leaves the choice or says the CPU.
fn numbers(name: &str) -> Result<Option<Vec<usize>>, ModelError> {
    let list = match name {
        "cpu" | "auto" => return Ok(None),
        "cuda" => "0",
        _ => name.strip_prefix("cuda:").ok_or_else(|| {
            refuse(name, "give \"cpu\", \"cuda\", \"cuda:0,1\", \"cuda:all\" or \"auto\"")
        })?,
    };
    if list == "all" {
        return Ok(Some((0..count(name)?).collect()));
    }
    let numbers: Option<Vec<usize>> =
        list.split(',').map(|part| part.trim().parse().ok()).collect();
    let numbers = numbers.ok_or_else(|| {
        refuse(name, "give numbers of GPUs with commas between them, such as \"cuda:0,1\"")
    })?;
    let mut different = numbers.clone();
    different.sort_unstable();
    different.dedup();
    if different.len() == numbers.len() {
        Ok(Some(numbers))
    } else {
        Err(refuse(name, "name each GPU once"))
    }
}

/// The device of a name without numbers.
fn automatic(name: &str) -> Device {
    if name == "auto" && cfg!(feature = "cuda") {
        Device::new_cuda_with_stream(0).unwrap_or(Device::Cpu)
    } else {
        Device::Cpu
    }
}

/// One GPU, with a stream of its own: candle's default is a stream a thread, and what one thread computes there
/// another would read too early.
fn gpu(name: &str, number: usize) -> Result<Device, ModelError> {
    if !cfg!(feature = "cuda") {
        return Err(refuse(
            name,
            "this binary was built without CUDA; build with `--features cuda`, or use \"cpu\"",
        ));
    }
    Device::new_cuda_with_stream(number).map_err(|error| {
        refuse(name, &format!("GPU {number} cannot be used ({error}); use \"cpu\""))
    })
}

/// Number of GPUs that this process may use.
#[cfg(feature = "cuda")]
fn count(name: &str) -> Result<usize, ModelError> {
    use candle_core::cuda::cudarc::driver::CudaContext;

    match CudaContext::device_count() {
        Ok(count) if count > 0 => Ok(count as usize),
        Ok(_) => Err(refuse(name, "there is no GPU; use \"cpu\"")),
        Err(error) => Err(refuse(name, &format!("no usable GPU ({error}); use \"cpu\""))),
    }
}

#[cfg(not(feature = "cuda"))]
fn count(name: &str) -> Result<usize, ModelError> {
    gpu(name, 0).map(|_| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_gpus() {
        assert_eq!(numbers("auto").unwrap(), None);
        assert_eq!(numbers("cuda").unwrap(), Some(vec![0]));
        assert_eq!(numbers("cuda:3, 1").unwrap(), Some(vec![3, 1]));
        for (name, way_out) in [
            ("gpu", "`device` is \"gpu\": give \"cpu\", \"cuda\""),
            ("cuda:", "give numbers of GPUs"),
            ("cuda:0,0", "name each GPU once"),
        ] {
            let error = numbers(name).unwrap_err().to_string();
            assert!(error.contains(way_out), "{error}");
        }
        assert!(open("cpu").unwrap().is_cpu());
    }
}
