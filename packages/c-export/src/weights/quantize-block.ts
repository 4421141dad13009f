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
  const codes = new Int8Array(weights.length);
  let bestBits = 0;
  if (largest === 0) return { scaleBits: bestBits, codes };
  // Plain loops: this runs 31 times for each weight.
  const tried = new Int8Array(weights.length);
  let least = Infinity;
  for (const code of TRIED) {
    round(weights, largest / code, tried);
    let [product, square] = [0, 0];
    for (let at = 0; at < weights.length; at++) {
      product += weights[at]! * tried[at]!;
      square += tried[at]! * tried[at]!;
    }
    const scaleBits = upperBits(product / square);
    const scale = floatOf(scaleBits);
    if (scale === 0) continue;
    round(weights, scale, tried);
    let error = 0;
    for (let at = 0; at < weights.length; at++) error += (weights[at]! - tried[at]! * scale) ** 2;
    if (error >= least) continue;
    least = error;
    bestBits = scaleBits;
    codes.set(tried);
  }
  return { scaleBits: bestBits, codes };
}

function round(weights: Float32Array, scale: number, codes: Int8Array): void {
  for (let at = 0; at < weights.length; at++)
    codes[at] = Math.max(LOWEST, Math.min(HIGHEST, Math.round(weights[at]! / scale)));
}

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
