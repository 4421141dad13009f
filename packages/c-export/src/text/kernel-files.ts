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
const SEARCH_FILES = ["sha256.c", "search.c", "beams.c", "answer.c", "batch.c"];

/** A file of kernels/, which `imports` of package.json resolves here and in the published package. */
export const kernelFile = (name: string): string =>
  createRequire(import.meta.url).resolve(`#kernels/${name}`);

/** The C text of the kernels. */
export const readKernels = (): Promise<string> => readTogether(KERNEL_FILES);

/** The C text that checks weights and answers. */
export const readSearch = (): Promise<string> => readTogether(SEARCH_FILES);

/** In the order in which they refer to each other. */
const TEXT_FILES = {
  symbols: ["text.c", "text-sorted.c", "text-symbols.c"],
  bpe: ["text.c", "text-sorted.c", "text-names.c", "text-bpe.c"],
  unigram: [
    "text.c",
    "text-sorted.c",
    "text-names.c",
    "text-graphemes.c",
    "text-normalize.c",
    "text-unigram.c",
    "text-pieces.c",
  ],
} as const;

/** The C text that encodes and decodes the text of a kind of tokenizer. */
export const readTextKernels = (kind: keyof typeof TEXT_FILES): Promise<string> =>
  readTogether(TEXT_FILES[kind]);

async function readTogether(names: readonly string[]): Promise<string> {
  const files = names.map((name) => readFile(kernelFile(name), "utf8"));
  return (await Promise.all(files)).join("\n");
}
