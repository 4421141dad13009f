#!/usr/bin/env bash
# The quick start with few steps, but enough to run every stage. The gate is wider, because an undertrained model is noisier.
#
#   tools/scripts/short-quickstart.sh OUT [--set PATH=VALUE ...]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?"usage: tools/scripts/short-quickstart.sh OUT [--set PATH=VALUE ...]"}
shift
exec node apps/cli/bin/run.js run configs/quickstart/recipe.yaml --out "$out" \
  --set data.limit=20000 --set distill.steps=400 --set distill.evaluateEvery=200 \
  --set quantize.gate.maxDrop=0.1 "$@"
