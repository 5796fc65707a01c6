#!/bin/sh
# Ten gigabytes of text counted within 32 MiB and trained on, the whole process within 1 GiB: exact, and
# linear in time. The corpus is read again and again, changed so that new words keep coming.
#
# usage: benches/count_10gb.sh [SCRATCH_FOLDER]     GRISTMILL_DATA names the folder with data/corpus
set -eu
if [ -z "${GRISTMILL_DATA:-}" ]; then
    echo "skipped: GRISTMILL_DATA is not set"
    exit 0
fi
scratch=${1:-target/count_10gb}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$scratch"
cargo build --release -p gristmill-tokenizer --example count_scale
run() { # MEGABYTES MEMORY_BYTES
    rm -f "$scratch"/*.counts
    "$target/release/examples/count_scale" "$GRISTMILL_DATA/data/corpus/docs.jsonl.zst" gpt4 "$1" "$2" "$scratch" 32768
}
limit=33554432
echo "== a tenth, without a limit"
run 1000 0 | tee "$scratch/unlimited.txt"
echo "== a tenth, within the limit"
run 1000 $limit | tee "$scratch/limited.txt"
sums() { grep -oE "(words|pieces|checksum|merges).*" "$1"; }
if [ "$(sums "$scratch/unlimited.txt")" = "$(sums "$scratch/limited.txt")" ]; then
    echo "the words, their counts and the merges are the same"
else
    echo "the words, their counts or the merges differ"
    exit 1
fi
for megabytes in 2500 10000; do
    echo "== $megabytes MB"
    run $megabytes $limit
done
