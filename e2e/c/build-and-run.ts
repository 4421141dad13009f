import { execFileSync } from "node:child_process";
import { BUILDS, STRICT, type Build } from "./builds.test-support.js";

/** The build that finds reads and writes outside of memory. */
export const SANITIZED = BUILDS["gcc with SSE2, address and undefined-behaviour sanitizers"]!;

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
