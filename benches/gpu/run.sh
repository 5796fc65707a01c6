#!/usr/bin/env bash
# Runs the GPU suite: parity with the CPU, speed, and the speed of PyTorch on the same GPU.
#
# usage: benches/gpu/run.sh GPU_SUITE [PYTHON]
#
# GPU_SUITE is the example that `scripts/cuda_check.sh FOLDER build` builds
# (FOLDER/target/release/examples/gpu_suite). PYTHON is an interpreter with torch and transformers.
# The suite uses its CUDA libraries if the machine has none.
set -euo pipefail

suite=$1
python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)
site=$("$python" -c 'import site; print(site.getsitepackages()[0])')
for folder in "$site"/nvidia/*/lib; do
    LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}:$folder"
done
export LD_LIBRARY_PATH
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
"$suite" cuda base 16 20
"$python" "$here/torch_speed.py" --rows 16 --steps 20
