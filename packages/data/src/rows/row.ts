/** Defines and checks rows: source, target, and other accepted answers. */

import { MAX_TEXT_UNITS } from "./limits.js";

export interface Row {
  /** Input of the model. */
  readonly source: string;
  /** Empty only for a question without an answer. */
  readonly target: string;
  /**
   * Every accepted target, starting with `target`; undefined if only `target` is accepted. A question without an answer has an empty
   * list, or one empty reference. This must be explicit, because an empty target is usually a mistake.
   */
  readonly references?: readonly string[];
  /** Path of the image, relative to the data folder. */
  readonly image?: string;
  /** Source for text-only teachers, instead of source and image: for example a caption. */
  readonly teacherSource?: string;
}

/** A rejected line and the reason. */
export interface Rejection {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
  /** A flag that would make the line usable, if there is one. */
  readonly hint?: string | undefined;
}

/** All accepted answers of a row. */
export function referencesOf(row: Row): readonly string[] {
  return row.references ?? [row.target];
}

/** Converts a row for a text-only model. */
export function textRow({ source, target, references, teacherSource }: Row): Row {
  const row = { source: teacherSource ?? source, target };
  return references === undefined ? row : { ...row, references };
}

const ROW_KEYS = ["source", "target", "references", "image", "teacherSource"] as const;
const KEYS: ReadonlySet<string> = new Set(ROW_KEYS);

/**
 * Checks parsed JSON as a row; returns the reason if it is not one. Unknown keys are rejected, because a misspelt key would silently lose data.
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
  // All parts were checked.
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

/** Checks parsed JSON as an object with only a source; returns the reason if it is not. */
export function checkSource(value: unknown): { readonly source: string } | { readonly problem: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: `expected an object {"source"}, got ${kindOf(value)}` };
  const extra = Object.keys(value).find((key) => key !== "source");
  if (extra !== undefined)
    return { problem: `unknown key ${JSON.stringify(extra.slice(0, 80))}, expected only source` };
  const { source } = value as Readonly<Record<string, unknown>>;
  const problem = textProblem("source", source);
  return problem === undefined ? { source: String(source) } : { problem };
}

/** Checks parsed JSON as an object with only source and image; returns the reason if it is not. */
export function checkPrompt(value: {
  readonly source: unknown;
  readonly image?: unknown;
}): { readonly source: string; readonly image?: string } | string {
  const { source, image } = value;
  const problem =
    textProblem("source", source) ?? (image === undefined ? undefined : textProblem("image", image));
  // Both parts were checked.
  return problem ?? (value as { readonly source: string; readonly image?: string });
}

/** Whether the references mean "no answer": `[]`, or `[""]` as in SQuAD 2.0 data. */
function isNoAnswer(references: unknown): references is readonly string[] {
  return Array.isArray(references) && references.length <= 1 && references.every((text) => text === "");
}

function textProblem(name: string, value: unknown): string | undefined {
  if (typeof value !== "string") return `${name}: expected text, got ${kindOf(value)}`;
  if (value.trim() === "")
    return `${name}: expected text, got ${value === "" ? "an empty string" : "whitespace"}`;
  if (value.length > MAX_TEXT_UNITS)
    return `${name}: has ${value.length} characters, expected at most ${MAX_TEXT_UNITS}`;
  if (value.includes("\0")) return `${name}: contains a NUL character`;
  // An unpaired surrogate cannot be encoded as UTF-8; it would become another character.
  if (/\p{Surrogate}/u.test(value)) return `${name}: contains half a character (an unpaired surrogate)`;
  return undefined;
}

export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value;
}
