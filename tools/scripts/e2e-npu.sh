#!/usr/bin/env bash
# Tests with Qualcomm's NPU compiler and simulator, which run on x86-64 Linux: a quick start run with a compile section, every scheme for
# three chips, and failures of the vendor's library. The plug-in (onnxruntime-qnn on PyPI) is partly proprietary: pip downloads it to this
# machine's cache and not to the repository, and slm device add adds it.
#
#   npm run e2e:npu -- RUN      RUN: directory of a run of the shortened quick start
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "Qualcomm's simulator is part of the plug-in for x86-64 Linux; this is $(uname -sm)" >&2
  exit 1
fi
. tools/scripts/lib/install-missing.sh

run=${1:?"usage: npm run e2e:npu -- RUN"}
run=$(realpath "$run")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
slm() { node apps/cli/bin/run.js "$@"; }

version=$(node --input-type=module --eval '
  import { knownPlugin } from "./packages/runtime-native/dist/plugins/index.js"; console.log(knownPlugin("qnn").version);')
packages=${SLM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slm}/packages
mkdir -p "$packages"
if ! ls "$packages"/onnxruntime_qnn-"$version"-*.whl > /dev/null 2>&1; then
  python3 -m pip --version > /dev/null 2>&1 || { install_missing python3 && install_packages python3-pip; }
  echo "downloading onnxruntime-qnn $version"
  # The same wheel for all versions of Python, because only its libraries are used.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$packages" --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_35_x86_64 "onnxruntime-qnn==$version"
fi
export SLM_PLUGINS=$work/plugins
slm device add "$packages"/onnxruntime_qnn-"$version"-*.whl --yes
slm doctor --check

cp -r "$run" "$work/run"
tools/scripts/short-quickstart.sh "$work/run" \
  --set export.target=npu --set export.profile=qnn --set "quantize.schemes=[a16w8]" \
  --set 'compile.socs=[sm8550,sm8650,sm8750]' --set compile.verifyRows=10

SLM_TEST_PLUGINS=$SLM_PLUGINS SLM_TEST_RUN=$work/run npx vitest run --config e2e/npu/vitest.config.ts
