/** Checks how deep a parsed value nests. JSON of 200 KB can nest 100,000 levels, which would overflow the stack of recursive code. */

/** Nesting limit of JSON [levels]. Model files have about ten. */
export const DEEPEST_JSON = 200;

/** Whether a value nests lists and objects more than `levels` deep. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  let open = [value];
  for (let level = 0; open.length > 0; level++) {
    const inside = open.filter((item) => typeof item === "object" && item !== null);
    if (inside.length === 0) return false;
    if (level === levels) return true;
    open = inside.flatMap((item) => Object.values(item) as unknown[]);
  }
  return false;
}
