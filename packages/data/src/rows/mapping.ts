/** Maps the columns of a record to a row, directly or through templates. */
import { z } from "zod";
import { checkPrompt, checkRow, kindOf, type Row } from "./row.js";
import { parseTemplate, type TemplatePart } from "./template.js";

/** Columns of a record. */
export type Columns = Readonly<Record<string, unknown>>;

const column = z.string().min(1);

/** Column for each key of a row. Source and target may be templates. */
export const fieldsConfig = z.strictObject({
  source: column
    .optional()
    .describe('Column of the source, or a text with columns in braces, such as "translate: {text}".'),
  target: column.optional().describe("Column of the target, or a text with columns in braces."),
  references: column.optional().describe("Column of more accepted targets: a text or a list of texts."),
  image: column.optional().describe("Column with the path of an image, relative to `images`."),
});

export interface MappingSettings {
  readonly fields?: z.infer<typeof fieldsConfig> | undefined;
}

/** Default mapping of a format's columns. */
export interface MappingDefaults {
  readonly source: string;
  readonly target: string;
  /** Optional columns. */
  readonly references: string;
  readonly image: string;
}

/** Each key of a row has a column of the same name. */
export const ROW_COLUMNS: MappingDefaults = {
  source: "{source}",
  target: "{target}",
  references: "references",
  image: "image",
};

/** Optional column with the source for text-only teachers, instead of source and image. */
const TEACHER_SOURCE = "teacherSource";

/** A missing column, and the columns that exist. */
interface MissingColumn {
  readonly missing: string;
  readonly setting: string;
}

/** Names of columns; dotted names for nested columns. */
export interface WantedColumns {
  readonly needed: readonly string[];
  readonly optional: readonly string[];
  /** Whether all other columns are used too. Default: false. */
  readonly others?: boolean | undefined;
}

/** The input of a model. */
export interface MappedPrompt {
  readonly source: string;
  /** Path of the image. */
  readonly image?: string | undefined;
}

export interface RowMapping {
  /** Returns a record's row, or why it was rejected. */
  readonly rowOf: (columns: Columns) => Row | string;
  /** Returns a record's source and image regardless of its target, or why it was rejected. */
  readonly promptOf: (columns: Columns) => MappedPrompt | string;
  /** Names of the columns that {@link promptOf} needs. */
  readonly promptColumns: readonly string[];
  /** The first column of {@link promptOf} that these columns lack. */
  readonly missingInPrompt: (columns: Columns) => MissingColumn | undefined;
  /** Names of the required and the optional columns. */
  readonly columns: WantedColumns;
  /** The first required column that these columns lack. */
  readonly missingIn: (columns: Columns) => MissingColumn | undefined;
}

interface Text {
  readonly setting: string;
  readonly parts: readonly TemplatePart[];
}

/** The mapping of a recipe. The format's default applies to a side that the recipe does not mention. */
export function compileMapping({ fields }: MappingSettings, defaults: MappingDefaults): RowMapping {
  const textOf = (side: "source" | "target"): Text => {
    const named = fields?.[side];
    if (named === undefined) return { setting: side, parts: parseTemplate(defaults[side]) };
    const parts = parseTemplate(named);
    const isTemplate = parts.some((part) => "column" in part);
    return { setting: `fields.${side}`, parts: isTemplate ? parts : [{ column: named }] };
  };
  const [source, target] = [textOf("source"), textOf("target")];
  // The format's references apply only to the format's target, not to another target from the recipe.
  const references = fields?.references ?? (fields?.target === undefined ? defaults.references : undefined);
  const named = [
    ...[source, target].flatMap(namesOf),
    ...(["references", "image"] as const).flatMap((key) => {
      const name = fields?.[key];
      return name === undefined ? [] : [{ setting: `fields.${key}`, name }];
    }),
  ];
  const image = fields?.image ?? defaults.image;
  return {
    promptColumns: columnsOf(source.parts),
    missingInPrompt: lackingOf(namesOf(source)),
    promptOf: (columns) => {
      const text = fill(source, columns);
      if (typeof text !== "string") return text.problem;
      const picture = optional(columns, image);
      return checkPrompt({ source: text, ...(picture === undefined ? {} : { image: picture }) });
    },
    columns: {
      needed: named.map(({ name }) => name),
      optional: [...(references === undefined ? [] : [references]), image, TEACHER_SOURCE],
    },
    missingIn: lackingOf(named),
    rowOf: (columns) => {
      const sourceText = fill(source, columns);
      if (typeof sourceText !== "string") return sourceText.problem;
      const targetText = fill(target, columns);
      if (typeof targetText !== "string") return targetText.problem;
      const picture = optional(columns, image);
      const forTeacher = optional(columns, TEACHER_SOURCE);
      const further = references === undefined ? undefined : optional(columns, references);
      return checkRow({
        source: sourceText,
        target: targetText,
        ...(further === undefined ? {} : { references: withTarget(targetText, further) }),
        ...(picture === undefined ? {} : { image: picture }),
        ...(forTeacher === undefined ? {} : { teacherSource: forTeacher }),
      });
    },
  };
}

/** Limit of columns in a message. */
const MAX_NAMED = 20;

/** Lists columns for a message. */
export function listColumns(columns: Columns): string {
  const names = Object.keys(columns);
  const shown = names.slice(0, MAX_NAMED).map((name) => name.slice(0, 80));
  return names.length > shown.length
    ? `${shown.join(", ")} and ${names.length - shown.length} more`
    : shown.join(", ");
}

interface NamedColumn {
  readonly setting: string;
  readonly name: string;
}

function namesOf({ setting, parts }: Text): readonly NamedColumn[] {
  return columnsOf(parts).map((name) => ({ setting, name }));
}

/** Finds the first column that a record lacks. */
function lackingOf(named: readonly NamedColumn[]): RowMapping["missingIn"] {
  return (columns) => {
    const lacking = named.find(({ name }) => valueOf(columns, name) === undefined);
    return lacking === undefined ? undefined : { missing: lacking.name, setting: lacking.setting };
  };
}

function columnsOf(parts: readonly TemplatePart[]): readonly string[] {
  return parts.flatMap((part) => ("column" in part ? [part.column] : []));
}

function fill({ setting, parts }: Text, columns: Columns): string | { readonly problem: string } {
  const texts: string[] = [];
  for (const part of parts) {
    if ("text" in part) {
      texts.push(part.text);
      continue;
    }
    const value = valueOf(columns, part.column);
    if (value === undefined) {
      return {
        problem: `${setting}: column '${part.column}' is missing; the columns are ${listColumns(columns)}`,
      };
    }
    const text = columnText(value);
    if (typeof text !== "string") return { problem: `${part.column}: ${text.problem}` };
    // A template would hide that the column is empty.
    if (text.trim() === "" && parts.length > 1) return { problem: `${part.column}: expected text, got none` };
    texts.push(text);
  }
  return texts.join("");
}

/** Finds a column by name, or a nested column by its dotted name; undefined if it does not exist. */
function valueOf(columns: Columns, name: string): unknown {
  if (Object.hasOwn(columns, name)) return columns[name];
  let value: unknown = columns;
  for (const key of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Columns)[key];
  }
  return value;
}

/** The value of an optional column. */
function optional(columns: Columns, name: string): unknown {
  const value = valueOf(columns, name);
  return value === null || value === "" ? undefined : value;
}

/** A column's value as text, as in its file. */
function columnText(value: unknown): string | { readonly problem: string } {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") {
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
      return String(value);
    return { problem: `the number ${value} is too large to be exact as a double; write it as text` };
  }
  if (value instanceof Uint8Array) return { problem: "contains bytes that are not UTF-8 text" };
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  return { problem: `expected text, got ${kindOf(value)}` };
}

/** The target and the other accepted answers without duplicates. Other values are returned unchanged, and the row's check rejects them. */
function withTarget(target: string, further: unknown): unknown {
  const list: unknown = typeof further === "string" ? [further] : further;
  return Array.isArray(list) ? [...new Set<unknown>([target, ...(list as readonly unknown[])])] : list;
}
