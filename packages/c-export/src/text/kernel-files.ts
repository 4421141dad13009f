import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** In the order in which they refer to each other. */
const KERNEL_FILES = [
  "simd.h",
  "dots.h",
  "sums.h",
  "elementwise.c",
  "norms.c",
  "linear.c",
  "blocks.c",
  "attention.c",
  "rows.c",
  "choose.c",
];

/** Answers, and the check of weights, which the module does not have. */
const SEARCH_FILES = ["sha256.c", "search.c", "drafts.c", "beams.c", "answer.c"];
/** Defines what drafts.c calls in a model with draft rules. */
const RULE_FILES = ["sha256.c", "search.c", "rules.c", "drafts.c", "beams.c", "answer.c"];

/** A file of kernels/, which `imports` of package.json resolves here and in the published package. */
export const kernelFile = (name: string): string =>
  createRequire(import.meta.url).resolve(`#kernels/${name}`);

/** The C text of the kernels. */
export const readKernels = (): Promise<string> => readTogether(KERNEL_FILES);

/** The C text that checks weights and answers. */
export const readSearch = (hasRules: boolean): Promise<string> =>
  readTogether(hasRules ? RULE_FILES : SEARCH_FILES);
/** The C text that encodes and decodes the text of a kind of tokenizer. */
export const readTextKernels = (kind: "symbols" | "bpe"): Promise<string> =>
  readTogether(["text.c", `text-${kind}.c`]);

async function readTogether(names: readonly string[]): Promise<string> {
  const files = names.map((name) => readFile(kernelFile(name), "utf8"));
  return (await Promise.all(files)).join("\n");
}
