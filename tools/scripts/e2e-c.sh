#!/usr/bin/env bash
# Tests of target c: the WebAssembly module is what its source compiles to, and C programs of gcc, clang and three ARM processors compute the same as it. Debian's
# compilers and QEMU's emulators are installed where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/scripts/lib/install-missing.sh
command -v gcc > /dev/null || install_packages gcc libc6-dev
command -v clang > /dev/null || install_packages clang
command -v qemu-aarch64 > /dev/null || install_packages qemu-user
command -v aarch64-linux-gnu-gcc > /dev/null || install_packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross
command -v arm-linux-gnueabihf-gcc > /dev/null || install_packages gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
command -v arm-none-eabi-gcc > /dev/null || install_packages gcc-arm-none-eabi libnewlib-arm-none-eabi
command -v qemu-system-arm > /dev/null || install_packages qemu-system-arm
# Languages of the examples in tools/c-examples.
command -v python3 > /dev/null || install_packages python3
command -v rustc > /dev/null || install_packages rustc
command -v go > /dev/null || install_packages golang-go

tools/scripts/kernels.sh --check
npx vitest run --config e2e/c/vitest.config.ts
