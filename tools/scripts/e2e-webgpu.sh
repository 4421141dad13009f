#!/usr/bin/env bash
# Tests that compute with WebGPU: ONNX Runtime's provider in Node, and the page in Chromium.
# Without a choice of the caller's they run on the software adapter of Debian's chromium (SwiftShader), which is installed where it is
# missing. Set VK_ICD_FILENAMES to an empty text to run Node's tests on the machine's own GPU, or to another driver's file.
#
#   npm run e2e:webgpu [-- RUN]      RUN: directory of a run of the quick start; without one, the shortened quick start runs first
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/scripts/lib/install-missing.sh
install_missing chromium

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run=${1:-}
if [ -z "$run" ]; then
  run=$work/run
  tools/scripts/short-quickstart.sh "$run"
fi
run=$(realpath "$run")

if [ -z "${VK_ICD_FILENAMES+set}" ]; then
  driver=$(dpkg-query -L chromium-common chromium 2> /dev/null | grep '/vk_swiftshader_icd\.json$' || true)
  if [ ! -f "$driver" ]; then
    echo "the chromium of this machine comes without vk_swiftshader_icd.json, and VK_ICD_FILENAMES names no other driver of Vulkan: WebGPU cannot be tested here" >&2
    exit 1
  fi
  export VK_ICD_FILENAMES=$driver
  # Vulkan's loader lies beside it; a loader of the system's own would do as well.
  export LD_LIBRARY_PATH=$(dirname "$driver")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
elif [ -z "$VK_ICD_FILENAMES" ]; then
  unset VK_ICD_FILENAMES
fi

SLM_TEST_RUN=$run SLM_TEST_CHROMIUM=$(command -v chromium) npx vitest run --config e2e/webgpu/vitest.config.ts
