#!/bin/sh
# On Linux the default PyTorch wheel brings CUDA along, some gigabytes that no peer here uses: point
# PIP_EXTRA_INDEX_URL at PyTorch's index of CPU wheels to leave it out.
set -eu
cd "$(dirname "$0")"
[ -d .venv ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet -r requirements.txt
.venv/bin/python -c 'import jax, torch; print("torch", torch.__version__, "jax", jax.__version__)'
