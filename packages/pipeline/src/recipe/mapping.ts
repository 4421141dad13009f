/** Nested plain data, as in YAML and JSON, and paths into it. */

export interface Mapping {
  readonly [key: string]: unknown;
}

/** Keys from the root of a recipe: `["distill", "steps"]`; numbers index lists. */
export type KeyPath = readonly PropertyKey[];

/** The value as a mapping, or undefined if it is a scalar, a list or null. */
export function asMapping(value: unknown): Mapping | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : undefined;
}

/**
 * Merges `over` into `base`: mappings merge key by key, other values are replaced, and undefined removes a key that is there. A mapping with a
 * different `kind` or `module` also replaces the base, because the keys of one alternative are not valid in another.
 */
export function mergeMappings(base: Mapping, over: Mapping): Mapping {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const below = asMapping(merged.get(key));
    const above = asMapping(value);
    const merge = below !== undefined && above !== undefined && !isOtherKind(below, above);
    if (value === undefined && merged.has(key)) merged.delete(key);
    else merged.set(key, merge ? mergeMappings(below, above) : value);
  }
  return Object.fromEntries(merged);
}

function isOtherKind(base: Mapping, over: Mapping): boolean {
  return ["kind", "module"].some(
    (key) => base[key] !== undefined && over[key] !== undefined && base[key] !== over[key],
  );
}

/** A mapping with one value at a path: `nest(["a", "b"], 1)` is `{ a: { b: 1 } }`. */
export function nest(path: readonly string[], value: unknown): Mapping {
  const [key, ...rest] = path;
  if (key === undefined) throw new RangeError("nest: the path is empty");
  return { [key]: rest.length === 0 ? value : nest(rest, value) };
}

/** How much of a path a mapping sets. */
export function depthOf(
  mapping: Mapping,
  path: KeyPath,
): { readonly depth: number; readonly decides: boolean } {
  let value: unknown = mapping;
  for (const [depth, key] of path.entries()) {
    const inside = asMapping(value);
    // A scalar or list on the path replaces everything below it in weaker layers. A bare `section:` is an empty mapping.
    if (inside === undefined) return { depth, decides: value !== null };
    if (!Object.hasOwn(inside, String(key))) return { depth, decides: false };
    value = inside[String(key)];
  }
  return { depth: path.length, decides: true };
}

/** The paths of all scalars, lists and empty mappings. */
export function leafPaths(value: unknown, prefix: readonly string[] = []): readonly (readonly string[])[] {
  const mapping = asMapping(value);
  const entries = Object.entries(mapping ?? {}).filter(([, field]) => field !== undefined);
  if (entries.length === 0) return prefix.length === 0 ? [] : [prefix];
  return entries.flatMap(([key, field]) => leafPaths(field, [...prefix, key]));
}

/** `distill.steps`, `quantize.schemes[0]`. */
export function dotted(path: KeyPath): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}

/** The value at a path of keys; undefined if there is none. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inside, key) => {
    const mapping = asMapping(inside);
    return mapping !== undefined && Object.hasOwn(mapping, key) ? mapping[key] : undefined;
  }, value);
}
