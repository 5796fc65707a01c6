//! The sum of gradients over the copies of a model on several devices.
//!
//! The sums are made parameter by parameter, in the order of the forward pass. Every copy gets the
//! same bits, so the copies stay equal without a comparison.

use candle_core::{Device, Result, Tensor, bail};

use crate::optimizer::arithmetic::add_to;

/// How gradients travel from one device to another.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// Through the memory of the host, in the order of the devices.
    Host,
    /// NCCL, over NVLink where there is one.
    #[cfg(feature = "nccl")]
    Nccl(nccl::Group),
}

impl Exchange {
    /// The fastest way between `devices` that this binary supports.
    pub(crate) fn between(devices: &[Device]) -> Result<Self> {
        if devices.is_empty() {
            bail!("a model needs a device")
        }
        #[cfg(feature = "nccl")]
        if devices.len() > 1 && devices.iter().all(Device::is_cuda) {
            return Ok(Self::Nccl(nccl::Group::new(devices)?));
        }
        Ok(Self::Host)
    }

    /// Replaces the gradients of every copy by the sum over all copies.
    pub(crate) fn sum(&self, copies: &mut [Vec<Tensor>]) -> Result<()> {
        if copies.len() < 2 {
            return Ok(());
        }
        match self {
            Self::Host => by_host(copies),
            #[cfg(feature = "nccl")]
            Self::Nccl(group) => group.sum(copies),
        }
    }
}

fn by_host(copies: &mut [Vec<Tensor>]) -> Result<()> {
    let parameters = copies.first().map_or(0, Vec::len);
    for parameter in 0..parameters {
        let mut sum: Vec<Tensor> = Vec::new();
        for copy in copies.iter() {
            let gradient = copy[parameter].to_device(&Device::Cpu)?;
            if sum.is_empty() {
                // A gradient on the host is not copied by `to_device`, and the sum is made in
                // place.
                sum.push(gradient.copy()?);
            } else {
                add_to(&mut sum, &[gradient])?;
            }
        }
        for (copy, sum) in copies.iter_mut().zip(sum.iter().cycle()) {
            copy[parameter] = sum.to_device(copy[parameter].device())?;
        }
    }
    Ok(())
}

#[cfg(feature = "nccl")]
mod nccl {
    use candle_core::cuda::cudarc::nccl::result::NcclError;
    use candle_core::cuda::cudarc::nccl::{Comm, ReduceOp, group_end, group_start};
    use candle_core::{CpuStorage, CudaStorage, Device, InplaceOp1, Layout, Result, Tensor, bail};

    /// One communicator per device, in the order of the devices.
    #[derive(Debug)]
    pub(crate) struct Group(Vec<Comm>);

    impl Group {
        pub(super) fn new(devices: &[Device]) -> Result<Self> {
            let streams = devices.iter().map(|device| Ok(device.as_cuda_device()?.cuda_stream()));
            let streams = streams.collect::<Result<Vec<_>>>()?;
            Ok(Self(Comm::from_devices(streams).map_err(failed)?))
        }

        /// One NCCL group per parameter: in a group one thread may make the calls for all devices.
        pub(super) fn sum(&self, copies: &mut [Vec<Tensor>]) -> Result<()> {
            for gradient in copies.iter_mut().flatten() {
                *gradient = gradient.contiguous()?;
            }
            let parameters = copies.first().map_or(0, Vec::len);
            for parameter in 0..parameters {
                group_start().map_err(failed)?;
                for (comm, copy) in self.0.iter().zip(copies.iter()) {
                    copy[parameter].inplace_op1(&AllReduce(comm))?;
                }
                group_end().map_err(failed)?;
            }
            Ok(())
        }
    }

    fn failed(NcclError(code): NcclError) -> candle_core::Error {
        candle_core::Error::Msg(format!("NCCL failed: {code:?}"))
    }

    /// The sum over all devices, in place.
    struct AllReduce<'a>(&'a Comm);

    impl InplaceOp1 for AllReduce<'_> {
        fn name(&self) -> &'static str {
            "all_reduce"
        }

        fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
            bail!("NCCL needs a GPU")
        }

        fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> Result<()> {
            let Some((start, end)) = layout.contiguous_offsets() else {
                bail!("a sum must be contiguous")
            };
            let mut values = storage.as_cuda_slice_mut::<f32>()?.slice_mut(start..end);
            self.0.all_reduce_in_place(&mut values, &ReduceOp::Sum).map_err(failed)?;
            Ok(())
        }
    }
}
