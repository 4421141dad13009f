/** Writes draft rules as kernels/rules.c reads them: sorted by key, with an index over a key's first bits. */

/** A draft rule; see `DraftRule` of `@slm/generation`. */
export interface Rule {
  readonly kind: string;
  readonly key: number;
  readonly token: number;
  /** Probability of being right, 0 to 1. */
  readonly chance: number;
}

export interface PackedRules {
  readonly count: number;
  /** Bits of a key that the index reads. */
  readonly bits: number;
  /** One bit for each kind that has rules: 1 << its number in kernels/rules.c. */
  readonly kinds: number;
  readonly bytes: Uint8Array;
}

/** In the order of the enumeration in kernels/rules.c. */
const KINDS = ["after", "given", "copy", "continue", "aligned", "proceed"];
/** Kinds that read the alignment of an answer with its source, which entries of kind "alignment" describe. */
const NEED_ALIGNMENT: ReadonlySet<string> = new Set(["aligned", "proceed"]);
const CHANCE_PARTS = 255;
const MOST_BITS = 24;

export function packRules(rules: readonly Rule[]): PackedRules {
  const byKey = new Map(rules.map((rule) => [rule.key >>> 0, rule]));
  const sorted = [...byKey].sort(([a], [b]) => a - b);
  const count = sorted.length;
  const bits = Math.min(MOST_BITS, Math.max(1, Math.ceil(Math.log2(Math.max(1, count)))));
  const starts = new Uint32Array(2 ** bits + 1);
  for (const [key] of sorted) starts[(key >>> (32 - bits)) + 1]!++;
  for (let at = 1; at < starts.length; at++) starts[at]! += starts[at - 1]!;
  const parts = [
    starts,
    Uint32Array.from(sorted, ([key]) => key),
    Int32Array.from(sorted, ([, { token }]) => token),
    Uint8Array.from(sorted, ([, { chance }]) => Math.round(chance * CHANCE_PARTS)),
  ];
  const bytes = Buffer.concat(parts.map(({ buffer }) => new Uint8Array(buffer)));
  const has = (kind: string): boolean => rules.some((rule) => rule.kind === kind);
  const isAsked = (kind: string): boolean => has(kind) && (!NEED_ALIGNMENT.has(kind) || has("alignment"));
  const kinds = KINDS.map((kind, at) => (isAsked(kind) ? 2 << at : 0));
  return { count, bits, kinds: kinds.reduce((mask, bit) => mask | bit, 0), bytes: new Uint8Array(bytes) };
}
