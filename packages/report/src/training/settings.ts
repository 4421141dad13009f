/** Settings of runs as rows of a table, and where those of several runs differ. */

/** Longer values are cut [letters]. */
const VALUE_LIMIT = 200;

/**
 * A tree of settings as dotted keys and values written as in JSON, texts without quotes. Lists of plain values stay one row.
 * An array or object without anything in it is a value.
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
  /** One value per run; undefined where the run has no such setting. */
  readonly values: readonly (string | undefined)[];
}

/** The settings that are not the same in all runs, in order of first appearance. */
export function differingSettings(
  runs: readonly ReadonlyMap<string, string>[],
): readonly SettingsDifference[] {
  const keys = new Set(runs.flatMap((settings) => [...settings.keys()]));
  return [...keys].flatMap((key) => {
    const values = runs.map((settings) => settings.get(key));
    return new Set(values).size > 1 ? [{ key, values }] : [];
  });
}

/** What lies below a value; undefined for what is shown as it is. */
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
