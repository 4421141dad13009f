import { readFile } from "node:fs/promises";

/** In the order in which they refer to each other. */
const KERNEL_FILES = ["simd.h", "elementwise.c", "norms.c", "linear.c", "attention.c", "rows.c"];

/** The C text of the kernels. */
export async function readKernels(): Promise<string> {
  const files = KERNEL_FILES.map((name) =>
    readFile(new URL(`../../kernels/${name}`, import.meta.url), "utf8"),
  );
  return (await Promise.all(files)).join("\n");
}
