/** Compilers and processors that C programs are tested with. */
import { execFileSync } from "node:child_process";

/** Warnings are errors. */
export const STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"];

/** How a program is built, and what runs it. */
export interface Build {
  readonly compiler: string;
  readonly flags: readonly string[];
  readonly emulator?: readonly string[];
}

/** The build that finds reads and writes outside of memory. */
export const SANITIZED = "gcc with SSE2, address and undefined-behaviour sanitizers";

export const BUILDS: Readonly<Record<string, Build>> = {
  "gcc, the CPU's vectors": { compiler: "gcc", flags: ["-O3", "-fno-math-errno", "-march=native"] },
  "gcc, any x86-64": { compiler: "gcc", flags: ["-O2"] },
  clang: { compiler: "clang", flags: ["-O2", "-mavx2", "-mfma"] },
  "gcc without vectors, address and undefined-behaviour sanitizers": {
    compiler: "gcc",
    flags: ["-O1", "-g", "-DSLM_SCALAR", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  },
  [SANITIZED]: {
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

/** Compiles C files of a folder to a program, which reads `input`. @returns its output */
export function buildAndRun(
  { compiler, flags, emulator = [] }: Build,
  { directory, files, args, input }: Program,
): string {
  const options = { cwd: directory, encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  execFileSync(compiler, [...STRICT, ...flags, ...files, "-o", "program", "-lm"], options);
  const [program, ...rest] = [...emulator, "./program", ...args];
  return execFileSync(program!, rest, { ...options, input });
}

export interface Program {
  readonly directory: string;
  readonly files: readonly string[];
  readonly args: readonly string[];
  readonly input?: string | undefined;
}
