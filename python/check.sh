#!/usr/bin/env bash
# The Python package's tests. They need Python 3.10 and numpy, and nothing from the network; where
# xxhash, blake3, torch and torchdata are installed they are tested against as well.
# PYTHON=… chooses another interpreter.
set -euo pipefail
cd "$(dirname "$0")"
python="${PYTHON:-python3}"
if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "python/check.sh: skipped, since $python has no numpy; pip install numpy"
    exit 0
fi
"$python" -B -m unittest "$@"
