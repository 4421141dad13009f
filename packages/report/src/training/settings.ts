/** Flattens the settings of runs to table rows, and finds the settings that differ. */

/** Longer values are truncated [characters]. */
const VALUE_LIMIT = 200;

/**
 * Settings as dotted keys with JSON values, strings without quotes. A list of plain values is one row.
 * An empty array or object is a value.
 */
export function flattenSettings(settings: unknown): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  const visit = (value: unknown, path: readonly string[]): void => {
    const children = childrenOf(value);
    if (children === undefined) rows.set(path.length === 0 ? "(all)" : path.join("."), textOf(value));
    else for (const [name, child] of children) visit(child, [...path, name]);
  };
  visit(settings, []);
  return rows;
}

export interface SettingsDifference {
  readonly key: string;
  /** One value per run; undefined if the run does not have the setting. */
  readonly values: readonly (string | undefined)[];
}

/** The settings that differ between runs, in order of first appearance. */
export function differingSettings(
  runs: readonly ReadonlyMap<string, string>[],
): readonly SettingsDifference[] {
  const keys = new Set(runs.flatMap((settings) => [...settings.keys()]));
  return [...keys].flatMap((key) => {
    const values = runs.map((settings) => settings.get(key));
    return new Set(values).size > 1 ? [{ key, values }] : [];
  });
}

/** The children of a value; undefined for a value that is shown as a whole. */
function childrenOf(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null))
    return undefined;
  const entries = Object.entries(value);
  return entries.length === 0 ? undefined : entries;
}

function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : ((JSON.stringify(value) as string | undefined) ?? "");
  return text.length > VALUE_LIMIT ? `${text.slice(0, VALUE_LIMIT)}…` : text;
}
