#!/usr/bin/env bash
# Compiles the kernels of target c to packages/c-export/kernels/kernels.wasm, with Debian's clang and lld, which are installed where they are missing.
#
#   npm run kernels               writes the module
#   npm run kernels -- --check    exit 1 if the module in the tree differs
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/scripts/lib/install-missing.sh
install_missing clang lld

module=packages/c-export/kernels/kernels.wasm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npx jiti tools/scripts/kernels-text.ts > "$work/module.c"
# Kernels have vectors and tiles of their own; loops that clang copies or vectorizes further add 12 kB and no speed. Its strength reduction keeps
# constant offsets out of loads, which adds 1 kB and an addition for each load.
clang -O2 -fno-math-errno -fno-vectorize -fno-slp-vectorize -mllvm -unroll-runtime=false -mllvm -disable-lsr \
  --target=wasm32 -nostdlib -ffreestanding -msimd128 -mbulk-memory \
  -Wl,--no-entry,--export=__heap_base,-s -o "$work/kernels.wasm" "$work/module.c"
if [ "${1:-}" != --check ]; then
  cp "$work/kernels.wasm" "$module"
  chmod 644 "$module"
elif ! cmp "$work/kernels.wasm" "$module"; then
  echo "$module is not what $(clang --version | head -1) makes of packages/c-export/kernels: run 'npm run kernels'" >&2
  exit 1
fi
