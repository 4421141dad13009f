/**
 * Limits of an untrusted GGUF file. Far above every published model, far below the sizes that would exhaust memory; errors
 * name the violated limit.
 */
export const LIMITS = {
  /** Key-value pairs; the largest published files have about 60. */
  metadataPairs: 65_536,
  /** Tensors; the largest published files have about 2,000. */
  tensors: 65_536,
  /** Bytes of a key. Source: the format's description, which allows 2^16 - 1. */
  keyBytes: 65_535,
  /** Bytes of a tensor's name. Source: the format's description; ggml's GGML_MAX_NAME. */
  tensorNameBytes: 64,
  /** Bytes of one text; the longest published chat templates have 20 kB. */
  textBytes: 16 * 1024 * 1024,
  /** Items of one array; the largest vocabularies have 262,144 tokens and twice as many merges. */
  arrayItems: 16_777_216,
  /** Axes of a tensor. Source: ggml's GGML_MAX_DIMS. */
  rank: 4,
  /** Elements of a tensor; the largest published embedding matrices have 1.4e9. */
  elements: 2 ** 31,
  /** Bytes from the start of the data to a tensor. */
  offset: 2 ** 50,
  /** Bytes that data may be aligned to. Files are written with 32. */
  alignment: 65_536,
} as const;
