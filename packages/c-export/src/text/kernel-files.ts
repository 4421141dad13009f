import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** In the order in which they refer to each other. */
const KERNEL_FILES = ["simd.h", "elementwise.c", "norms.c", "linear.c", "blocks.c", "attention.c", "rows.c"];

/** A file of kernels/, which `imports` of package.json resolves here and in the published package. */
export const kernelFile = (name: string): string =>
  createRequire(import.meta.url).resolve(`#kernels/${name}`);

/** The C text of the kernels. */
export async function readKernels(): Promise<string> {
  const files = KERNEL_FILES.map((name) => readFile(kernelFile(name), "utf8"));
  return (await Promise.all(files)).join("\n");
}
