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
command -v javac > /dev/null || install_packages openjdk-17-jdk-headless

# Kotlin's compiler from Maven Central, in the user's cache.
kotlin=2.4.21
export SLM_TEST_KOTLIN=${SLM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slm}/kotlin-$kotlin
if [ ! -f "$SLM_TEST_KOTLIN/kotlin-compiler-embeddable.jar" ]; then
  command -v mvn > /dev/null || install_packages maven
  echo "installing kotlin $kotlin" >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cat > "$work/pom.xml" << XML
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>slm</groupId><artifactId>kotlin-compiler</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.jetbrains.kotlin</groupId><artifactId>kotlin-compiler-embeddable</artifactId><version>$kotlin</version>
    </dependency>
  </dependencies>
</project>
XML
  mvn --quiet --batch-mode -f "$work" -Dmaven.repo.local="$work/repository" \
    dependency:copy-dependencies -DoutputDirectory="$SLM_TEST_KOTLIN" -Dmdep.stripVersion=true
fi

tools/scripts/kernels.sh --check
npx vitest run --config e2e/c/vitest.config.ts
