#!/usr/bin/env bash
# Tests with WebGPU: ONNX Runtime's provider in Node, and the page in Chromium. By default they run on the software adapter of Debian's
# chromium (SwiftShader), which is installed if it is missing. To run Node's tests on this machine's GPU, set VK_ICD_FILENAMES to an empty
# text or to the file of another driver.
#
#   npm run e2e:webgpu [-- RUN]      RUN: directory of a quick start run; default: the shortened quick start runs first
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
    echo "this machine's chromium has no vk_swiftshader_icd.json, and VK_ICD_FILENAMES does not name another Vulkan driver, so WebGPU cannot be tested" >&2
    exit 1
  fi
  export VK_ICD_FILENAMES=$driver
  # Vulkan's loader is next to it; the system's loader works as well.
  export LD_LIBRARY_PATH=$(dirname "$driver")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
elif [ -z "$VK_ICD_FILENAMES" ]; then
  unset VK_ICD_FILENAMES
fi

SLM_TEST_RUN=$run SLM_TEST_CHROMIUM=$(command -v chromium) npx vitest run --config e2e/webgpu/vitest.config.ts
