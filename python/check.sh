#!/usr/bin/env bash
# Runs the tests of the Python package. They need Python 3.10 and numpy, and no network. If xxhash,
# blake3, torch and torchdata are installed, they are tested too. PYTHON=… chooses an interpreter.
set -euo pipefail
cd "$(dirname "$0")"
python="${PYTHON:-python3}"
if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "python/check.sh: skipped because $python has no numpy; pip install numpy"
    exit 0
fi
"$python" -B -m unittest "$@"
