/** CPU features that determine how fast and how exactly matrices are multiplied. */

/** Features that determine how fast matrices are multiplied, as Linux names them on x86 and ARM. */
const FEATURES: readonly string[] = [
  "sse4_2",
  "avx",
  "avx2",
  "fma",
  "f16c",
  "avx_vnni",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "avx512_fp16",
  "amx_tile",
  "amx_int8",
  "amx_bf16",
  "asimd",
  "asimddp",
  "asimdhp",
  "i8mm",
  "bf16",
  "sve",
  "sve2",
  "sme",
];

/** The features that add 8-bit products in 32 bits. */
const INTEGER_DOT_PRODUCTS: ReadonlySet<string> = new Set([
  "avx_vnni",
  "avx512_vnni",
  "amx_int8",
  "asimddp",
  "i8mm",
]);

/**
 * The relevant features of the first CPU; null if the system does not report them.
 *
 * @param text contents of /proc/cpuinfo
 */
export function cpuFeatures(text: string | undefined): string[] | null {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(text ?? "")?.[1];
  if (line === undefined) return null;
  const has = new Set(line.trim().split(/\s+/));
  return FEATURES.filter((feature) => has.has(feature));
}

/** How a CPU multiplies matrices of 8-bit integers. */
export interface Int8Arithmetic {
  /** Instructions that add 8-bit products in 32 bits (VNNI, AMX, ARM's dot product); null if the system does not report them. */
  readonly instructions: string[] | null;
  /**
   * Whether ONNX Runtime's default kernels for unsigned activations and signed weights compute wrong results on this CPU, as measured. Without such
   * instructions, x86 adds two products in 16 bits, which saturates. Our runtimes then select kernels that do not saturate.
   */
  readonly saturates: boolean;
  /** Explains in one sentence what this means for quantized models. */
  readonly meaning: string;
}

/**
 * @param saturates as measured
 * @param features as {@link cpuFeatures} reads them
 */
export function int8Arithmetic(saturates: boolean, features: readonly string[] | null): Int8Arithmetic {
  // An emulator may report the features of its host, so the measurement decides.
  const instructions = features?.filter((feature) => INTEGER_DOT_PRODUCTS.has(feature)) ?? null;
  return {
    instructions: saturates ? [] : instructions,
    saturates,
    meaning: meaningOf(saturates, instructions),
  };
}

function meaningOf(saturates: boolean, instructions: readonly string[] | null): string {
  if (saturates) {
    return (
      "ONNX Runtime's default kernels overflow with 8-bit weights on this CPU; slm uses exact kernels, " +
      "and other programs need weights of 7 bits"
    );
  }
  return instructions === null || instructions.length === 0
    ? "int8 products are exact"
    : `int8 products are exact and fast (${instructions.join(", ")})`;
}
