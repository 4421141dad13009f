/**
 * The kernels that a program calls, with the kinds of their parameters in order. The C text calls them by name; the WebAssembly module decodes the same
 * calls from numbers, by a switch that is generated from this table.
 */

/**
 * Kinds of parameters.
 *
 * - arena: floats of the arena, mutable
 * - ids: the token ids of the call
 * - weight: a section of the weights, or none
 * - rows: a count that is known when the program runs (see `RowCount`)
 * - int, float: constants
 */
export type ParameterKind = "arena" | "ids" | "weight" | "rows" | "int" | "float";

const MATRIX_ROWS = ["arena", "int", "rows"] as const;

/** Keys, their capacity, values, their stride, and how many there are. */
const KEYS_AND_VALUES = ["arena", "int", "arena", "int", "rows"] as const;

/** heads, kvHeads, headDim, modulo, scale, softcap, and the window: before, after. */
const HEADS_AND_WINDOW = ["int", "int", "int", "int", "float", "float", "int", "int"] as const;

export const KERNELS = {
  slm_embed_float: ["ids", "rows", "weight", "int", "arena", "int"],
  slm_embed_int8: ["ids", "rows", "weight", "int", "int", "arena", "int"],
  slm_embed_int4: ["ids", "rows", "weight", "int", "arena", "int"],
  slm_linear_float: [...MATRIX_ROWS, "weight", "int", "int", "weight", "arena", "int", "int"],
  slm_linear_int8: [...MATRIX_ROWS, "weight", "int", "int", "weight", "arena", "int", "int", "arena"],
  slm_linear_int4: [...MATRIX_ROWS, "weight", "int", "int", "weight", "arena", "int", "int", "arena"],
  slm_rms_norm: [...MATRIX_ROWS, "int", "int", "weight", "float", "arena", "int"],
  slm_layer_norm: [...MATRIX_ROWS, "int", "weight", "weight", "float", "arena", "int"],
  slm_activate: ["int", "arena", "int", "rows", "int", "float"],
  slm_add: ["arena", "int", "arena", "int", "rows", "int", "arena", "int"],
  slm_multiply: ["arena", "int", "arena", "int", "rows", "int", "arena", "int"],
  slm_rotate: [...MATRIX_ROWS, "rows", "int", "int", "weight", "weight"],
  slm_store_keys: [...MATRIX_ROWS, "rows", "int", "arena", "int"],
  slm_store_values: [...MATRIX_ROWS, "rows", "int", "arena"],
  slm_attend: [
    ...MATRIX_ROWS,
    "rows", // start
    ...KEYS_AND_VALUES,
    ...HEADS_AND_WINDOW,
    "weight", // bias
    "int", // reach
    "arena", // scratch
    "arena", // output
    "int",
  ],
  slm_position_rows: ["weight", "rows", "rows", "int", "arena", "int"],
  slm_last_rows: ["arena", "int", "rows", "rows", "int", "arena", "int"],
  slm_pool: ["arena", "int", "rows", "int", "int", "arena", "int"],
  slm_recurrence: ["arena", "int", "arena", "int", "rows", "rows", "int", "arena", "arena", "int"],
  slm_attend_both: [
    ...MATRIX_ROWS,
    "rows", // start
    ...KEYS_AND_VALUES,
    ...KEYS_AND_VALUES, // of the source
    ...HEADS_AND_WINDOW,
    "arena", // scratch
    "arena", // output
    "int",
  ],
} as const satisfies Readonly<Record<string, readonly ParameterKind[]>>;

export type KernelName = keyof typeof KERNELS;

/** Kernels that know positions or caches, so that a step over several texts calls them for each text. */
export const KERNELS_OF_ONE_TEXT: ReadonlySet<KernelName> = new Set([
  "slm_rotate",
  "slm_store_keys",
  "slm_store_values",
  "slm_attend",
  "slm_attend_both",
  "slm_position_rows",
  "slm_last_rows",
  "slm_recurrence",
]);

/**
 * Counts that are known when a program runs: how many tokens the source has (divided by `group` and rounded up, where tokens were pooled), how many are new,
 * of how many of the new ones logits are wanted, how many came before, how many there are with the new ones; or none.
 */
export type RowCount =
  | { readonly of: "source"; readonly group: number }
  | { readonly of: "fresh" | "wanted" | "past" | "total" | "none" };

export type Argument =
  /** Offset in the arena [floats]; of a value, also its rows. */
  | { readonly kind: "arena"; readonly offset: number; readonly rows?: PlacedRows | undefined }
  | { readonly kind: "ids" }
  /** Index of a section of the weights. */
  | { readonly kind: "weight"; readonly section: number | undefined }
  | { readonly kind: "rows"; readonly count: RowCount }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number };

interface PlacedRows {
  readonly count: RowCount;
  /** From one row to the next [floats]. */
  readonly stride: number;
}

/** One call of a kernel. */
export interface Call {
  readonly kernel: KernelName;
  readonly arguments: readonly Argument[];
}
