#!/usr/bin/env bash
# The Python package's tests, in a virtual environment of their own; numpy and pytest come from the
# package index. Tests of the loaders run where torch is installed: `python/check.sh torch`.
set -euo pipefail
cd "$(dirname "$0")"
venv="${GRISTMILL_VENV:-$HOME/.cache/gristmill-venv}"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy pytest xxhash blake3 "$@"
"$venv/bin/python" -m pytest -q
