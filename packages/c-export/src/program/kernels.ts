/**
 * The kernels that a program calls, with their parameters in order. Calls, their numbers, the WebAssembly module and the check of portable files follow
 * these tables; the functions in kernels/ have the same parameters.
 */

/** The names of parameters by their kinds. A name means the same in every kernel. */
const PARAMETERS = {
  /** Rows of the arena, mutable: where they begin, and from one row to the next. */
  values: ["x", "y", "a", "b", "gate", "query", "values", "sourceValues"],
  /** Floats of the arena, mutable. */
  arena: ["keys", "sourceKeys", "states", "scratch"],
  /** The token ids of the call. */
  ids: ["ids"],
  /** A section of the weights, or none; `w` is `[n, k]`. */
  weight: ["w", "bias", "gain", "table", "cosines", "sines"],
  /** A count that is known when the program runs (see `RowCount`). */
  rows: ["rows", "start", "wanted", "count", "sourceCount"],
  /** Constants. */
  int: [
    "n",
    "k",
    "width",
    "vocabulary",
    "groups",
    "group",
    "accumulate",
    "kind",
    "heads",
    "kvHeads",
    "headDim",
    "modulo",
    "capacity",
    "sourceCapacity",
    "reach",
  ],
  /** Like an int, or -1 for none. */
  limit: ["before", "after"],
  float: ["epsilon", "limit", "scale", "softcap"],
} as const;

export type ParameterKind = keyof typeof PARAMETERS;
type NamesOf<Kind extends ParameterKind> = (typeof PARAMETERS)[Kind][number];
type ParameterName = NamesOf<ParameterKind>;
type KindOf<Name> = {
  readonly [Kind in ParameterKind]: Name extends NamesOf<Kind> ? Kind : never;
}[ParameterKind];

const PRODUCT = ["x", "rows", "w", "k", "n", "bias", "y", "accumulate"] as const;
const QUERIES_AND_KEYS = ["query", "rows", "start", "keys", "capacity", "values", "count"] as const;
const SOURCE_KEYS = ["sourceKeys", "sourceCapacity", "sourceValues", "sourceCount"] as const;
const HEADS = ["heads", "kvHeads", "headDim", "modulo", "scale", "softcap", "before", "after"] as const;

const KERNELS = {
  slm_embed_float: ["ids", "rows", "w", "width", "y"],
  slm_embed_int8: ["ids", "rows", "w", "width", "vocabulary", "y"],
  slm_embed_int4: ["ids", "rows", "w", "width", "y"],
  slm_linear_float: PRODUCT,
  slm_linear_int8: [...PRODUCT, "scratch"],
  slm_linear_int4: [...PRODUCT, "scratch"],
  slm_rms_norm: ["x", "rows", "groups", "width", "gain", "epsilon", "y"],
  slm_layer_norm: ["x", "rows", "width", "gain", "bias", "epsilon", "y"],
  slm_activate: ["kind", "x", "rows", "width", "limit"],
  slm_add: ["a", "b", "rows", "width", "y"],
  slm_multiply: ["a", "b", "rows", "width", "y"],
  slm_rotate: ["x", "rows", "start", "heads", "headDim", "cosines", "sines"],
  slm_store_keys: ["x", "rows", "start", "width", "keys", "capacity"],
  slm_store_values: ["x", "rows", "start", "width", "states"],
  slm_attend: [...QUERIES_AND_KEYS, ...HEADS, "bias", "reach", "scratch", "y"],
  slm_position_rows: ["table", "rows", "start", "width", "y"],
  slm_last_rows: ["x", "rows", "wanted", "width", "y"],
  slm_pool: ["x", "rows", "group", "width", "y"],
  slm_recurrence: ["x", "gate", "rows", "start", "width", "states", "y"],
  slm_attend_both: [...QUERIES_AND_KEYS, ...SOURCE_KEYS, ...HEADS, "scratch", "y"],
} as const satisfies Readonly<Record<string, readonly ParameterName[]>>;

export type KernelName = keyof typeof KERNELS;

export const KERNEL_NAMES = Object.keys(KERNELS) as readonly KernelName[];

/** Each parameter of a kernel by name, as the type that `Types` has for its kind. */
export type NamedArguments<K extends KernelName, Types extends Readonly<Record<ParameterKind, unknown>>> = {
  readonly [Name in (typeof KERNELS)[K][number]]: Types[KindOf<Name>];
};

const KINDS = new Map(
  Object.entries(PARAMETERS).flatMap(([kind, names]) => names.map((name) => [name, kind as ParameterKind])),
);

/** The names and kinds of a kernel's parameters, in order. */
export const parametersOf = (kernel: KernelName): readonly (readonly [ParameterName, ParameterKind])[] =>
  KERNELS[kernel].map((name) => [name, KINDS.get(name)!]);

/** Kinds of the numbers of a call. */
export type NumberKind = Exclude<ParameterKind, "values" | "limit">;

/** The kinds of the numbers of a call, in order. */
export const numbersOf = (kernel: KernelName): readonly NumberKind[] =>
  parametersOf(kernel).flatMap(([, kind]) => {
    if (kind === "values") return ["arena", "int"];
    return [kind === "limit" ? "int" : kind];
  });

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

/** Where rows are in the arena [floats]. */
export interface Place {
  readonly offset: number;
  /** From one row to the next. */
  readonly stride: number;
  /** Absent for rows that are kept. */
  readonly count?: RowCount | undefined;
}

/** What a call has for a parameter of a kind: offsets in the arena [floats], and the index of a section of the weights. */
interface Given {
  readonly values: Place;
  readonly arena: number;
  readonly ids: "ids";
  readonly weight: number | undefined;
  readonly rows: RowCount;
  readonly int: number;
  readonly limit: number;
  readonly float: number;
}

export type Argument = {
  readonly [Kind in ParameterKind]: { readonly kind: Kind; readonly given: Given[Kind] };
}[ParameterKind];

/** One call of a kernel. */
export interface Call {
  readonly kernel: KernelName;
  readonly arguments: readonly Argument[];
}

/** The call of a kernel, with its arguments by name. */
export function callOf<K extends KernelName>(kernel: K, named: NamedArguments<K, Given>): Call {
  const given: Readonly<Partial<Record<ParameterName, unknown>>> = named;
  const args = parametersOf(kernel).map(([name, kind]) => ({ kind, given: given[name] }) as Argument);
  return { kernel, arguments: args };
}
