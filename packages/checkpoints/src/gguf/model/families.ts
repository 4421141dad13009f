/** The supported model families, by `general.architecture`. */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";

/** Differences between the tensors of families; one row per family. */
export const FAMILIES = {
  llama: { isPermuted: true, normsPlusOne: false, hasFusedParts: false, hasOuterNorms: false },
  qwen2: { isPermuted: false, normsPlusOne: false, hasFusedParts: false, hasOuterNorms: false },
  qwen3: { isPermuted: false, normsPlusOne: false, hasFusedParts: false, hasOuterNorms: false },
  phi3: { isPermuted: false, normsPlusOne: false, hasFusedParts: true, hasOuterNorms: false },
  gemma2: { isPermuted: false, normsPlusOne: true, hasFusedParts: false, hasOuterNorms: true },
  gemma3: { isPermuted: false, normsPlusOne: true, hasFusedParts: false, hasOuterNorms: true },
} as const satisfies Readonly<Record<string, FamilyTraits>>;

export type Family = keyof typeof FAMILIES;

interface FamilyTraits {
  /** Rows of q and k are stored in pairs (2i, 2i + 1) for ggml's rotary order; Hugging Face keeps halves. */
  readonly isPermuted: boolean;
  /** Norm weights are stored with one added to them. */
  readonly normsPlusOne: boolean;
  /** q, k, v are one matrix, gate and up are one. */
  readonly hasFusedParts: boolean;
  /** Attention and feed-forward also have post-norms. */
  readonly hasOuterNorms: boolean;
}

/** The family of a file. @throws SlmError DATA_INVALID for an unsupported family */
export function familyOf({ file, metadata }: GgufFile): Family {
  const name = metadata.get("general.architecture");
  if (typeof name === "string" && Object.hasOwn(FAMILIES, name)) return name as Family;
  throw invalid(
    file,
    `general.architecture is ${name === undefined ? "missing" : `'${String(name).slice(0, 80)}'`}, expected ${Object.keys(FAMILIES).join(", ")}`,
  );
}
