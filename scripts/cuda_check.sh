#!/usr/bin/env bash
# Type-checks or builds the features `cuda` and `nccl` without a GPU, with nvcc from PyPI.
#
# usage: scripts/cuda_check.sh [WORK_FOLDER [check|program|build]]
#
# WORK_FOLDER (default target/cuda) holds the wheels of CUDA 13.0 and a separate target directory.
#   check    checks the model crate, the only crate with GPU code; this takes 14 minutes on 2 cores,
#            nearly all of it in nvcc
#   program  also runs `cargo check --features cuda` on the whole program
#   build    links the example `gpu_suite` against the wheels of cuBLAS, cuRAND and NVRTC, to be run
#            on a machine with a GPU and CUDA's libraries (benches/gpu/run.sh)
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
    # These libraries have their own version numbers. These are the versions of CUDA 13.0.
    libraries=('nvidia-cublas==13.0.*' 'nvidia-curand==10.4.0.*')
fi
if [ ! -x "$work/venv/bin/pip" ]; then
    python3 -m venv "$work/venv"
fi
# `pip install --target --upgrade` replaces earlier packages. The list of `build` begins with the
# list of `check`, so it is kept when `check` is run later.
wanted="${packages[*]} ${libraries[*]:-}"
present=$(cat "$work/wheels.txt" 2>/dev/null || true)
if [[ "$present" != "${wanted% }"* ]]; then
    "$work/venv/bin/pip" install --quiet --target "$work/wheels" --upgrade \
        "${packages[@]/%/==13.0.*}" "${libraries[@]}"
    echo "$wanted" >"$work/wheels.txt"
fi

cuda="$work/wheels/nvidia/cu13"
export PATH="$cuda/bin:$PATH"
export CUDA_HOME="$cuda" CUDA_PATH="$cuda" CUDA_TOOLKIT_ROOT_DIR="$cuda"
export CUDA_COMPUTE_CAP="${CUDA_COMPUTE_CAP:-90}" CUDARC_CUDA_VERSION=13000
export CARGO_TARGET_DIR="$work/target"
nvcc --version | tail -n 1
cd "$root"

# Makes the names that a linker needs, because the wheels have only versioned ones. The driver's
# library is part of the driver, so an empty library with its functions replaces it.
link_names() {
    local links=$1 library name find cudarc
    mkdir -p "$links"
    for library in "$cuda"/lib/lib*.so.*; do
        name=$(basename "$library")
        ln -sf "$library" "$links/${name%%.so.*}.so"
    done
    find='import json, sys
packages = json.load(sys.stdin)["packages"]
print(next(package["manifest_path"] for package in packages if package["name"] == "cudarc"))'
    cudarc=$(cargo metadata --format-version 1 --features gristmill-model/cuda |
        python3 -c "$find")
    grep -rhoE 'pub unsafe fn cu[A-Z][A-Za-z0-9_]*' "$(dirname "$cudarc")/src/driver/sys" |
        sort -u | sed 's/pub unsafe fn \(.*\)/void \1(void) {}/' >"$links/driver.c"
    cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$links/libcuda.so" "$links/driver.c"
}

case $mode in
check | program)
    cargo check -p gristmill-model --features cuda --all-targets
    cargo check -p gristmill-model --features nccl --all-targets
    if [ "$mode" = program ]; then
        cargo check --features cuda
    fi
    ;;
build)
    link_names "$work/links"
    export RUSTFLAGS="${RUSTFLAGS:-} -L native=$work/links -C link-arg=-Wl,-rpath-link=$cuda/lib"
    cargo build -p gristmill-model --release --features cuda --example gpu_suite
    ;;
*)
    echo "unknown mode $mode; give check, program or build" >&2
    exit 2
    ;;
esac
