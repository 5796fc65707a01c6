#!/bin/sh
# Measures the global step of deduplication at growing sizes, on synthetic signatures: sort, edges,
# union-find, verification by signature. Checks that exactly the planted clusters are found.
#
# usage: benches/scale.sh [SCRATCH_FOLDER]     100 million documents need 15 GB of scratch space
set -eu
scratch=${1:-target/scale}
cargo build --release --workspace --examples
for documents in 100000 1000000 10000000 100000000; do
    echo "== $documents documents"
    target/release/examples/scale --documents "$documents" --memory 2147483648 --scratch "$scratch"
done
