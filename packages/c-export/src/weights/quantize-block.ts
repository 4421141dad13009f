/** Chooses int4 codes and a scale for the weights of one block. */

/** Inputs of a block; SLM_BLOCK in kernels/blocks.c. */
export const BLOCK = 32;
const LOWEST = -8;
const HIGHEST = 7;
/** Scales that are tried: the largest weight gets a code from -9.5 to -6.5, before it is limited. */
const TRIED = Array.from({ length: 31 }, (_, at) => -6.5 - 0.1 * at);

export interface BlockCodes {
  /** Upper 16 bits of the float32 scale. */
  readonly scaleBits: number;
  /** From -8 to 7. */
  readonly codes: Int8Array;
}

/**
 * Codes with the smallest squared error among the scales that are tried. Each trial rounds the weights, and then takes the scale that fits these codes best
 * (least squares). Source: ggml, `make_qx_quants`, whose blocks are symmetric too.
 */
export function quantizeBlock(weights: Float32Array): BlockCodes {
  const largest = weights.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  let best: BlockCodes = { scaleBits: 0, codes: new Int8Array(weights.length) };
  if (largest === 0) return best;
  let least = Infinity;
  for (const code of TRIED) {
    const first = roundedTo(weights, largest / code);
    const [product, square] = weights.reduce(
      ([a, b], value, at) => [a + value * first[at]!, b + first[at]! * first[at]!],
      [0, 0],
    );
    const scaleBits = upperBits(product / square);
    const scale = floatOf(scaleBits);
    if (scale === 0) continue;
    const codes = roundedTo(weights, scale);
    const error = weights.reduce((sum, value, at) => sum + (value - codes[at]! * scale) ** 2, 0);
    if (error >= least) continue;
    least = error;
    best = { scaleBits, codes };
  }
  return best;
}

const roundedTo = (weights: Float32Array, scale: number): Int8Array =>
  Int8Array.from(weights, (value) => Math.max(LOWEST, Math.min(HIGHEST, Math.round(value / scale))));

const word = new DataView(new ArrayBuffer(4));

/** The upper 16 bits of a float32, rounded to the nearest. */
function upperBits(value: number): number {
  word.setFloat32(0, value);
  return (word.getUint32(0) + 0x8000) >>> 16;
}

function floatOf(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}
