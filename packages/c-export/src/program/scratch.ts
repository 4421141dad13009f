/** Memory that products of quantized weights need for their rows; see slm_quantize_rows in kernels/linear.c. */

/** Rows that are activations at the same time; SLM_ROWS in kernels/linear.c. */
const ROWS = 36;
/** Inputs whose products are summed as integers (SLM_PART, SLM_BLOCK), and the multiple to which a row is padded. */
const INPUTS = { int8: { part: 2048, group: 4 }, int4: { part: 32, group: 8 } } as const;

/** @returns floats */
export function scratchOf(rows: number, inputs: number, form: keyof typeof INPUTS): number {
  const { part, group } = INPUTS[form];
  return Math.min(rows, ROWS) * (1 + Math.ceil(inputs / part) + (group / 2) * Math.ceil(inputs / group));
}
