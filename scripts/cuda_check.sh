#!/usr/bin/env bash
# Type-checks (or builds) the model crate with the feature `cuda` on a machine without a GPU: nvcc comes from PyPI.
#
# usage: scripts/cuda_check.sh [WORK_FOLDER [check|build]]
#
# WORK_FOLDER (default target/cuda) gets the wheels of CUDA 13.0 and a target directory of its own. `build` makes the
# example `gpu_suite`, to be run where a GPU and CUDA's libraries are; it also needs the wheels of cuBLAS, cuRAND and
# NVRTC to link. Nearly all of the 14 minutes on 2 cores are nvcc's.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$root/target/cuda}
mode=${2:-check}
mkdir -p "$work"
work=$(cd "$work" && pwd)

packages=(nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-crt nvidia-cuda-cccl nvidia-cuda-runtime)
libraries=()
if [ "$mode" = build ]; then
    packages+=(nvidia-cuda-nvrtc)
    libraries=(nvidia-cublas nvidia-curand)
fi
if [ ! -x "$work/venv/bin/pip" ]; then
    python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --target "$work/wheels" --upgrade \
    "${packages[@]/%/==13.0.*}" "${libraries[@]}"

cuda="$work/wheels/nvidia/cu13"
export PATH="$cuda/bin:$PATH"
export CUDA_HOME="$cuda" CUDA_PATH="$cuda" CUDA_TOOLKIT_ROOT_DIR="$cuda"
export CUDA_COMPUTE_CAP="${CUDA_COMPUTE_CAP:-90}" CUDARC_CUDA_VERSION=13000
export CARGO_TARGET_DIR="$work/target"
nvcc --version | tail -n 1
cd "$root"
if [ "$mode" = build ]; then
    export RUSTFLAGS="${RUSTFLAGS:-} -L $cuda/lib -L $cuda/lib/stubs"
    cargo build -p gristmill-model --release --features cuda --example gpu_suite
else
    cargo check -p gristmill-model --features cuda --all-targets
fi
