/** Compilers and processors that C programs are tested with. */

/** Warnings are errors. */
export const STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"];

/** How a program is built, and what runs it. */
export interface Build {
  readonly compiler: string;
  readonly flags: readonly string[];
  readonly emulator?: readonly string[];
}

export const BUILDS: Readonly<Record<string, Build>> = {
  "gcc, the CPU's vectors": { compiler: "gcc", flags: ["-O3", "-fno-math-errno", "-march=native"] },
  "gcc, any x86-64": { compiler: "gcc", flags: ["-O2"] },
  clang: { compiler: "clang", flags: ["-O2", "-mavx2", "-mfma"] },
  "gcc without vectors, address and undefined-behaviour sanitizers": {
    compiler: "gcc",
    flags: ["-O1", "-g", "-DSLM_SCALAR", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  },
  "gcc with SSE2, address and undefined-behaviour sanitizers": {
    compiler: "gcc",
    flags: ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  },
  "arm64 (emulated)": {
    compiler: "aarch64-linux-gnu-gcc",
    flags: ["-O2", "-static"],
    emulator: ["qemu-aarch64"],
  },
  "armv7 with NEON (emulated)": {
    compiler: "arm-linux-gnueabihf-gcc",
    flags: ["-O2", "-static", "-mfpu=neon", "-mfloat-abi=hard"],
    emulator: ["qemu-arm"],
  },
};
