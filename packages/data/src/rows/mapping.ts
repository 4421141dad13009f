/** Turns a record of named columns into a row: which column is the source, which the target, and prompts around them. */
import { z } from "zod";
import { checkPrompt, checkRow, kindOf, type Row } from "./row.js";
import { parseTemplate, type TemplatePart } from "./template.js";

/** Columns of one record, as its file has them. */
export type Columns = Readonly<Record<string, unknown>>;

const column = z.string().min(1);

/** The column of each key of a row. */
export const fieldsConfig = z.strictObject({
  source: column.optional().describe("Column of the source."),
  target: column.optional().describe("Column of the target."),
  references: column.optional().describe("Column of further accepted targets: a text or a list of texts."),
  image: column.optional().describe("Column with the path of an image, relative to `images`."),
  teacherSource: column
    .optional()
    .describe("Column with the source for text-only teachers, in place of source and image."),
});

/** Texts with columns in braces. */
export const templateConfig = z.strictObject({
  source: z.string().min(1).optional().describe('Source, for example "translate: {text}".'),
  target: z.string().min(1).optional().describe('Target, for example "{fr}".'),
});

export interface MappingSettings {
  readonly fields?: z.infer<typeof fieldsConfig> | undefined;
  readonly template?: z.infer<typeof templateConfig> | undefined;
}

/** Default mapping of a format's columns. */
export interface MappingDefaults {
  readonly source: string;
  readonly target: string;
  /** Columns taken if they are there. */
  readonly references: string;
  readonly image: string;
  readonly teacherSource: string;
}

/** Columns that are named as the keys of a row are. */
export const ROW_COLUMNS: MappingDefaults = {
  source: "{source}",
  target: "{target}",
  references: "references",
  image: "image",
  teacherSource: "teacherSource",
};

/** A column that a record lacks, for files whose records all have the same columns. */
interface MissingColumn {
  readonly missing: string;
  readonly setting: string;
}

/** Names of columns; inside nested columns, names with dots. */
export interface WantedColumns {
  readonly needed: readonly string[];
  readonly optional: readonly string[];
  /** Whether all other columns are used too. Default false. */
  readonly others?: boolean | undefined;
}

/** What a model reads of a record. */
export interface MappedPrompt {
  readonly source: string;
  /** Path of the image. */
  readonly image?: string | undefined;
}

export interface RowMapping {
  /** The row of a record, or why it is none. */
  readonly rowOf: (columns: Columns) => Row | string;
  /** The source and image of a record, whatever its target, or why it has none. */
  readonly promptOf: (columns: Columns) => MappedPrompt | string;
  /** Names of the columns that {@link promptOf} needs. */
  readonly promptColumns: readonly string[];
  /** A column that {@link promptOf} needs and these columns lack. */
  readonly missingInPrompt: (columns: Columns) => MissingColumn | undefined;
  /** Names of the columns that it needs, and of those that it takes if they are there. */
  readonly columns: WantedColumns;
  /** A column that the mapping needs and these columns lack. */
  readonly missingIn: (columns: Columns) => MissingColumn | undefined;
}

interface Text {
  readonly setting: string;
  readonly parts: readonly TemplatePart[];
}

/** The mapping of a recipe; a side that it does not mention uses the format's default. */
export function compileMapping({ fields, template }: MappingSettings, defaults: MappingDefaults): RowMapping {
  const textOf = (side: "source" | "target"): Text => {
    const named = fields?.[side];
    const written = template?.[side];
    if (named !== undefined) return { setting: `fields.${side}`, parts: [{ column: named }] };
    return {
      setting: written === undefined ? side : `template.${side}`,
      parts: parseTemplate(written ?? defaults[side]),
    };
  };
  const [source, target] = [textOf("source"), textOf("target")];
  // The format's references belong to the format's target; they are dropped if the recipe maps another target.
  const references =
    fields?.references ??
    (fields?.target === undefined && template?.target === undefined ? defaults.references : undefined);
  const named = [
    ...[source, target].flatMap(namesOf),
    ...(["references", "image", "teacherSource"] as const).flatMap((key) => {
      const name = fields?.[key];
      return name === undefined ? [] : [{ setting: `fields.${key}`, name }];
    }),
  ];
  const image = fields?.image ?? defaults.image;
  const teacherSource = fields?.teacherSource ?? defaults.teacherSource;
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
      optional: [...(references === undefined ? [] : [references]), image, teacherSource],
    },
    missingIn: lackingOf(named),
    rowOf: (columns) => {
      const sourceText = fill(source, columns);
      if (typeof sourceText !== "string") return sourceText.problem;
      const targetText = fill(target, columns);
      if (typeof targetText !== "string") return targetText.problem;
      const picture = optional(columns, image);
      const forTeacher = optional(columns, teacherSource);
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

/** At most this many columns are named in a message. */
const MAX_NAMED = 20;

/** The names of columns for a message. */
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

/** Finds the first of some columns that a record lacks. */
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
      return { problem: `${setting}: no column '${part.column}'; there are ${listColumns(columns)}` };
    }
    const text = columnText(value);
    if (typeof text !== "string") return { problem: `${part.column}: ${text.problem}` };
    // A template around an empty text would hide that the column is empty.
    if (text.trim() === "" && parts.length > 1) return { problem: `${part.column}: expected text, got none` };
    texts.push(text);
  }
  return texts.join("");
}

/** A column by its name or, inside nested columns, by names with dots; undefined if there is none. */
function valueOf(columns: Columns, name: string): unknown {
  if (Object.hasOwn(columns, name)) return columns[name];
  let value: unknown = columns;
  for (const key of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Columns)[key];
  }
  return value;
}

/** The value of a column that may be absent or empty. */
function optional(columns: Columns, name: string): unknown {
  const value = valueOf(columns, name);
  return value === null || value === "" ? undefined : value;
}

/** A column's value as the text that stands in its file. */
function columnText(value: unknown): string | { readonly problem: string } {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") {
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
      return String(value);
    return { problem: `the number ${value} is larger than a double holds exactly; write it as text` };
  }
  if (value instanceof Uint8Array) return { problem: "holds bytes that are not UTF-8 text" };
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  return { problem: `expected text, got ${kindOf(value)}` };
}

/** The target and every other accepted answer, each once; what is no list of texts stays for the row's check to reject. */
function withTarget(target: string, further: unknown): unknown {
  const list: unknown = typeof further === "string" ? [further] : further;
  return Array.isArray(list) ? [...new Set<unknown>([target, ...(list as readonly unknown[])])] : list;
}
