/** The supported model families, by `general.architecture`. */
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";

/** Differences between the tensors of families; one entry per family. */
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

/** Architectures of encoder-decoders. */
const ENCODER_DECODERS = ["t5"] as const;

/** Architectures that are only part of a model, and why they are not supported. */
const PARTS: Readonly<Record<string, string>> = {
  t5encoder:
    "the encoder of a T5 without its decoder, which cannot generate text; expected the whole model, t5",
};

type Architecture = Family | (typeof ENCODER_DECODERS)[number];

const KNOWN: readonly Architecture[] = [...(Object.keys(FAMILIES) as Family[]), ...ENCODER_DECODERS];

/** The family of a file. @throws SlmError DATA_INVALID for an unsupported family */
export function familyOf({ file, metadata }: GgufFile): Architecture {
  const name = metadata.get("general.architecture");
  const family = KNOWN.find((known) => known === name);
  if (family !== undefined) return family;
  const found = typeof name === "string" && Object.hasOwn(PARTS, name) ? PARTS[name]! : undefined;
  const got = name === undefined ? "missing" : `'${String(name).slice(0, 80)}'`;
  throw invalid(
    file,
    `general.architecture is ${got}${found === undefined ? `, expected ${KNOWN.join(", ")}` : `: ${found}`}`,
  );
}
