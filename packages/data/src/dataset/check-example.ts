/** Checks the entries of a dataset module at run time. */
import { checkRow, kindOf, type Row } from "../row.js";
import type { DrawnImage, RejectedExample } from "./dataset.js";

/** Largest side of a drawn image [pixels]. */
const MAX_SIDE = 16_384;

/** An example, checked: its image is a path in the row, or drawn. */
export interface CheckedExample {
  readonly row: Row;
  readonly drawn?: DrawnImage;
}

/** Parses a value as an example or a rejection; else returns the reason why it is neither. */
export function checkExample(value: unknown): CheckedExample | RejectedExample | string {
  if (typeof value === "object" && value !== null && "reject" in value) return checkRejection(value);
  if (typeof value !== "object" || value === null || !("image" in value) || typeof value.image === "string")
    return rowAlone(value);
  const { image, ...rest } = value;
  if (image === undefined) return rowAlone(rest);
  const problem = drawnProblem(image);
  if (problem !== undefined) return `image: ${problem}`;
  const row = checkRow(rest);
  return typeof row === "string" ? row : { row, drawn: image as DrawnImage };
}

function rowAlone(value: unknown): CheckedExample | string {
  const row = checkRow(value);
  return typeof row === "string" ? row : { row };
}

function checkRejection(value: { readonly reject: unknown }): RejectedExample | string {
  const { reject } = value;
  if (typeof reject !== "string") return `reject: expected the reason as text, got ${kindOf(reject)}`;
  return Object.keys(value).length === 1 ? { reject } : "expected an example or { reject }, got both";
}

function drawnProblem(image: unknown): string | undefined {
  if (typeof image !== "object" || image === null)
    return `expected a path or { drawnFrom, shows, width, height }, got ${kindOf(image)}`;
  const { drawnFrom, shows, width, height } = image as Readonly<Record<string, unknown>>;
  if (!Array.isArray(drawnFrom) || drawnFrom.length === 0 || !drawnFrom.every(isPlain))
    return `drawnFrom: expected a list of texts and finite numbers, got ${kindOf(drawnFrom)}`;
  if (typeof shows !== "string") return `shows: expected text, got ${kindOf(shows)}`;
  for (const [name, side] of Object.entries({ width, height })) {
    if (!Number.isInteger(side) || Number(side) < 1 || Number(side) > MAX_SIDE)
      return `${name}: expected 1 to ${MAX_SIDE} pixels, got ${String(side)}`;
  }
  return undefined;
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}
