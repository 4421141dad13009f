/** Tables that extensions can add rows to: metrics, data formats, importers and others. */
import { z } from "zod";
import { SlmError } from "./errors/slm-error.js";

/** Names that need no quotes in a recipe, a flag or a log. */
const NAME = /^[a-z][A-Za-z0-9-]{0,63}$/u;

export class ExtensionTable<Row> {
  readonly #kind: string;
  readonly #own: ReadonlySet<string>;
  readonly #rows: Record<string, Row>;
  /** The extension that added each row. */
  readonly #origins = new Map<string, string>();

  /**
   * @param kind name of the rows in errors, in the plural: `metrics`
   * @param own the built-in rows, by name
   * @param reserved further names that extensions cannot use
   */
  constructor(kind: string, own: Readonly<Record<string, Row>>, reserved: readonly string[] = []) {
    this.#kind = kind;
    this.#own = new Set([...Object.keys(own), ...reserved]);
    this.#rows = { ...own };
  }

  /** All rows by name. The object stays the same when rows are added. */
  get rows(): Readonly<Record<string, Row>> {
    return this.#rows;
  }

  /** Names of all rows; rows of extensions come last. */
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
   * Adds the row of an extension. If the same extension adds it again, the row is replaced.
   *
   * @throws SlmError CONFIG_INVALID if the name exists already or a recipe cannot contain it
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
 * Schema for the name of a row in a recipe. A recipe is checked after its extensions were loaded, so their rows are valid. The JSON schema
 * lists only built-in rows.
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
