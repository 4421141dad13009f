/** Multisets: how often each item occurs. */

export type CountsOf = ReadonlyMap<string, number>;

/** How often each item occurs. */
export function countItems(items: Iterable<string>): CountsOf {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Size of the multiset intersection. */
export function countShared(a: CountsOf, b: CountsOf): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const [item, count] of small) shared += Math.min(count, large.get(item) ?? 0);
  return shared;
}

/** Sequences of `order` neighbouring tokens and how often each occurs. Tokens contain no space. */
export function countNgrams(tokens: readonly string[], order: number): CountsOf {
  const length = Math.max(0, tokens.length - order + 1);
  return countItems(Array.from({ length }, (_, start) => tokens.slice(start, start + order).join(" ")));
}

/** Number of sequences of `order` neighbouring tokens. */
export function ngramTotal(tokens: readonly string[], order: number): number {
  return Math.max(0, tokens.length - order + 1);
}

/** Harmonic mean of precision and recall; 0 when both are 0. */
export function f1Of(precision: number, recall: number): number {
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}
