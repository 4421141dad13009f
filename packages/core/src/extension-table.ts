/** Tables whose rows extensions may add to: metrics, data formats, importers and others. */
import { z } from "zod";
import { SlmError } from "./errors/slm-error.js";

/** Names that a recipe, a flag and a log can contain without quotes. */
const NAME = /^[a-z][A-Za-z0-9-]{0,63}$/u;

export class ExtensionTable<Row> {
  readonly #kind: string;
  readonly #own: ReadonlySet<string>;
  readonly #rows: Record<string, Row>;
  /** The extension of each row that is not our own. */
  readonly #origins = new Map<string, string>();

  /**
   * @param kind what the rows are, in the plural, for errors: `metrics`
   * @param own the rows that are always there, by name
   * @param reserved more names that an extension may not take
   */
  constructor(kind: string, own: Readonly<Record<string, Row>>, reserved: readonly string[] = []) {
    this.#kind = kind;
    this.#own = new Set([...Object.keys(own), ...reserved]);
    this.#rows = { ...own };
  }

  /** Every row by its name. The object is the same one after more rows were added. */
  get rows(): Readonly<Record<string, Row>> {
    return this.#rows;
  }

  /** Names of all rows; those of extensions last. */
  get names(): readonly string[] {
    return Object.keys(this.#rows);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#rows, name);
  }

  get(name: string): Row | undefined {
    return this.has(name) ? this.#rows[name] : undefined;
  }

  /**
   * Adds the row of an extension. The same extension may add it again, which replaces it.
   *
   * @throws SlmError CONFIG_INVALID for a name that is taken or that a recipe cannot contain
   */
  add(name: string, row: Row, extension: string): void {
    const where = `extension ${extension}: ${this.#kind}`;
    if (!NAME.test(name))
      throw new SlmError("CONFIG_INVALID", `${where}: expected a name such as myName, got '${name}'`, {
        context: { extension, name },
      });
    const owner = this.#own.has(name) ? "slm" : this.#origins.get(name);
    if (owner !== undefined && owner !== extension)
      throw new SlmError("CONFIG_INVALID", `${where}: ${owner} already has '${name}'; choose another name`, {
        context: { extension, name },
      });
    this.#rows[name] = row;
    this.#origins.set(name, extension);
  }

  /** Removes the rows of an extension. */
  remove(extension: string): void {
    for (const [name, origin] of this.#origins) {
      if (origin !== extension) continue;
      this.#origins.delete(name);
      Reflect.deleteProperty(this.#rows, name);
    }
  }
}

/**
 * The name of a row as a setting of a recipe. A recipe is checked after its extensions were loaded, so their rows count. The JSON schema
 * lists our own rows.
 */
export function rowName<Row>(table: ExtensionTable<Row>): z.ZodType<string, string> {
  return z
    .string()
    .superRefine((value, context) => {
      if (!table.has(value))
        context.addIssue({ code: "invalid_value", values: [...table.names], input: value });
    })
    .meta({ enum: [...table.names] });
}
