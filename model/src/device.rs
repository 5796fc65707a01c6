//! The device or devices that a run computes on.

use bug::OrBug as _;
use candle_core::Device;

use crate::ModelError;

/// What a device name asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    /// The first GPU if there is one, else the CPU.
    Automatic,
    Cpu,
    /// GPUs by number; at least one, none twice.
    Gpus(Vec<usize>),
    AllGpus,
}

/// Opens a device by name: `cpu`, `cuda` (the first GPU), `cuda:2`, or `auto` (the first GPU if
/// this binary and this machine have one, else the CPU). Of several GPUs it opens the first.
///
/// # Errors
/// The name is unknown, the binary was built without the feature `cuda`, or the GPU cannot be used.
pub fn open_device(name: &str) -> Result<Device, ModelError> {
    match Request::parse(name)? {
        Request::Gpus(numbers) => gpu(name, *numbers.first().or_bug("a list of no GPUs")?),
        Request::AllGpus => gpu(name, 0),
        request @ (Request::Automatic | Request::Cpu) => Ok(one_device(&request)),
    }
}

/// Opens all devices of a name: those of [`open_device`], and `cuda:0,1,3` or `cuda:all` for
/// several GPUs.
///
/// # Errors
/// As [`open_device`].
pub fn open_devices(name: &str) -> Result<Vec<Device>, ModelError> {
    let open = |number| gpu(name, number);
    match Request::parse(name)? {
        Request::Gpus(numbers) => numbers.into_iter().map(open).collect(),
        Request::AllGpus => (0..count(name)?).map(open).collect(),
        request @ (Request::Automatic | Request::Cpu) => Ok(vec![one_device(&request)]),
    }
}

/// Checks the form of a name without opening a device.
///
/// # Errors
/// The name is none of those that [`open_devices`] knows.
pub(crate) fn check_name(name: &str) -> Result<(), ModelError> {
    Request::parse(name).map(drop)
}

fn refuse(name: &str, way_out: &str) -> ModelError {
    crate::error::refuse("device", format!("\"{name}\""), way_out)
}

impl Request {
    fn parse(name: &str) -> Result<Self, ModelError> {
        let list = match name {
            "auto" => return Ok(Self::Automatic),
            "cpu" => return Ok(Self::Cpu),
            "cuda" => "0",
            "cuda:all" => return Ok(Self::AllGpus),
            _ => name.strip_prefix("cuda:").ok_or_else(|| {
                refuse(name, "give \"cpu\", \"cuda\", \"cuda:0,1\", \"cuda:all\" or \"auto\"")
            })?,
        };
        let numbers: Option<Vec<usize>> =
            list.split(',').map(|part| part.trim().parse().ok()).collect();
        let numbers = numbers.ok_or_else(|| {
            refuse(name, "give the numbers of GPUs, separated by commas, such as \"cuda:0,1\"")
        })?;
        let mut different = numbers.clone();
        different.sort_unstable();
        different.dedup();
        if different.len() == numbers.len() {
            Ok(Self::Gpus(numbers))
        } else {
            Err(refuse(name, "name each GPU once"))
        }
    }
}

/// The device of a request that names no GPU.
fn one_device(request: &Request) -> Device {
    if *request == Request::Automatic && cfg!(feature = "cuda") {
        // `auto` means a GPU only where one can be used; any failure leaves the CPU.
        Device::new_cuda_with_stream(0).unwrap_or(Device::Cpu)
    } else {
        Device::Cpu
    }
}

/// One GPU, with its own stream. By default candle would give each thread a stream, and one thread
/// could read what another has not computed yet.
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

/// Number of GPUs that this process may use; at least 1.
#[cfg(feature = "cuda")]
fn count(name: &str) -> Result<usize, ModelError> {
    use candle_core::cuda::cudarc::driver::CudaContext;

    match CudaContext::device_count() {
        Ok(count) if count > 0 => Ok(count as usize),
        Ok(_) => Err(refuse(name, "there is no GPU; use \"cpu\"")),
        Err(error) => Err(refuse(name, &format!("no usable GPU ({error}); use \"cpu\""))),
    }
}

/// Without CUDA there is no GPU to count: always the error of [`gpu`].
#[cfg(not(feature = "cuda"))]
fn count(name: &str) -> Result<usize, ModelError> {
    gpu(name, 0).map(|_| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_devices() {
        assert_eq!(Request::parse("auto").unwrap(), Request::Automatic);
        assert_eq!(Request::parse("cuda").unwrap(), Request::Gpus(vec![0]));
        assert_eq!(Request::parse("cuda:3, 1").unwrap(), Request::Gpus(vec![3, 1]));
        assert_eq!(Request::parse("cuda:all").unwrap(), Request::AllGpus);
        for (name, way_out) in [
            ("gpu", "`device` is \"gpu\": give \"cpu\", \"cuda\""),
            ("cuda:", "give the numbers of GPUs"),
            ("cuda:0,0", "name each GPU once"),
        ] {
            let error = check_name(name).unwrap_err().to_string();
            assert!(error.contains(way_out), "{error}");
        }
        assert!(open_device("cpu").unwrap().is_cpu());
    }
}
