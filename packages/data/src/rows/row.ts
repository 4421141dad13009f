/** A row of a data file: source, target, and other accepted answers. */

import { MAX_TEXT_UNITS } from "./limits.js";

export interface Row {
  /** Input of the model. */
  readonly source: string;
  /** Empty only for a question without an answer. */
  readonly target: string;
  /**
   * Every accepted target, the first one `target`; absent where only `target` is right. A question without an answer has an empty
   * list, or one empty reference. It must be explicit, because an empty target is more often a mistake.
   */
  readonly references?: readonly string[];
  /** Path of the image, relative to the data folder. */
  readonly image?: string;
  /** Source for text-only teachers, in place of source and image: for example a caption. */
  readonly teacherSource?: string;
}

/** A line that is not a row, and why. */
export interface Rejection {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
  /** The flag that makes such lines rows, where there is one. */
  readonly hint?: string | undefined;
}

/** Every accepted answer of a row. */
export function referencesOf(row: Row): readonly string[] {
  return row.references ?? [row.target];
}

/** A row for a text-only model. */
export function textRow({ source, target, references, teacherSource }: Row): Row {
  const row = { source: teacherSource ?? source, target };
  return references === undefined ? row : { ...row, references };
}

const ROW_KEYS = ["source", "target", "references", "image", "teacherSource"] as const;
const KEYS: ReadonlySet<string> = new Set(ROW_KEYS);

/**
 * A row out of parsed JSON, or the reason why it is none. No key is ignored: a misspelt one would lose data silently.
 */
export function checkRow(value: unknown): Row | string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `expected an object {"source", "target"}, got ${kindOf(value)}`;
  }
  const extra = Object.keys(value).find((key) => !KEYS.has(key));
  if (extra !== undefined)
    return `unknown key ${JSON.stringify(extra.slice(0, 80))}, expected ${ROW_KEYS.join(", ")}`;
  const { source, target, references, image, teacherSource } = value as Readonly<Record<string, unknown>>;
  const isSilent = target === "" && isNoAnswer(references);
  const problem =
    textProblem("source", source) ??
    (isSilent ? undefined : (textProblem("target", target) ?? listProblem(references))) ??
    (image === undefined ? undefined : textProblem("image", image)) ??
    (teacherSource === undefined ? undefined : textProblem("teacherSource", teacherSource));
  // All of its parts were looked at.
  return problem ?? (value as Row);
}

function listProblem(references: unknown): string | undefined {
  if (references === undefined) return undefined;
  if (!Array.isArray(references) || references.length === 0) {
    return `references: expected a list of at least one text, got ${kindOf(references)}`;
  }
  for (const [index, reference] of references.entries()) {
    const wrong = textProblem(`references[${index}]`, reference);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The source out of parsed JSON that holds nothing else, or the reason why it is none. */
export function checkSource(value: unknown): { readonly source: string } | { readonly problem: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: `expected an object {"source"}, got ${kindOf(value)}` };
  const extra = Object.keys(value).find((key) => key !== "source");
  if (extra !== undefined)
    return { problem: `unknown key ${JSON.stringify(extra.slice(0, 80))}, expected source alone` };
  const { source } = value as Readonly<Record<string, unknown>>;
  const problem = textProblem("source", source);
  return problem === undefined ? { source: String(source) } : { problem };
}

/** The source and image of parsed JSON that holds nothing else, or the reason why it is none. */
export function checkPrompt(value: {
  readonly source: unknown;
  readonly image?: unknown;
}): { readonly source: string; readonly image?: string } | string {
  const { source, image } = value;
  const problem =
    textProblem("source", source) ?? (image === undefined ? undefined : textProblem("image", image));
  // Both parts were looked at.
  return problem ?? (value as { readonly source: string; readonly image?: string });
}

/** Whether references say that there is no answer: `[]`, or `[""]` as in SQuAD 2.0 data. */
function isNoAnswer(references: unknown): references is readonly string[] {
  return Array.isArray(references) && references.length <= 1 && references.every((text) => text === "");
}

function textProblem(name: string, value: unknown): string | undefined {
  if (typeof value !== "string") return `${name}: expected text, got ${kindOf(value)}`;
  if (value.trim() === "")
    return `${name}: expected text, got ${value === "" ? "an empty string" : "whitespace"}`;
  if (value.length > MAX_TEXT_UNITS)
    return `${name}: has ${value.length} characters, expected at most ${MAX_TEXT_UNITS}`;
  if (value.includes("\0")) return `${name}: holds a NUL character`;
  // Half a surrogate pair cannot be written as UTF-8: it would come back as another character.
  if (/\p{Surrogate}/u.test(value)) return `${name}: holds half a character (an unpaired surrogate)`;
  return undefined;
}

export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value;
}
