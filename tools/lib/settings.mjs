/**
 * Applies `key=value` arguments to defaults. Numbers stay numbers.
 *
 * @template {Record<string, string | number>} T
 * @param {T} defaults
 * @param {readonly string[]} argv
 * @returns {T}
 * @throws Error for an unknown key or an argument without a value
 */
export function settingsOf(defaults, argv) {
  /** @type {Record<string, string | number>} */
  const chosen = { ...defaults };
  for (const argument of argv) {
    const [key = "", value] = argument.split("=");
    if (!Object.hasOwn(defaults, key) || value === undefined)
      throw new Error(`expected key=value with one of ${Object.keys(defaults).join(", ")}, got ${argument}`);
    chosen[key] = typeof defaults[key] === "number" ? Number(value) : value;
  }
  return /** @type {T} */ (chosen);
}
