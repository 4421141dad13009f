/** Reads a loaded dataset module for the data stage: each entry becomes a row or a rejection. */
import { drawnPicture, drawnPictures } from "../images/drawn-pictures.js";
import { imageFiles } from "../images/image-files.js";
import type { PictureSource } from "../images/picture.js";
import type { ScannedLine } from "../formats/read-rows.js";
import { kindOf, checkRow, type Row } from "../rows/row.js";
import type { Examples, DrawnImage, RejectedExample } from "../dataset/dataset.js";
import { moduleError, thrownBy, type LoadedDataset } from "./load-dataset.js";

// Checks the entries of a dataset module at run time.

/** Largest side of a drawn image [pixels]. */
const MAX_SIDE = 16_384;

/** A checked example. Its image is a path in the row, or drawn. */
interface CheckedExample {
  readonly row: Row;
  readonly drawn?: DrawnImage;
}

/** Parses a value as an example or a rejection. Returns the reason if it is neither. */
function checkExample(value: unknown): CheckedExample | RejectedExample | string {
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

/**
 * Returns every entry of `examples` or `test` as a row or as a rejection; `line` is the entry's position, counted from 1.
 *
 * @throws SlmError DATA_INVALID if the module throws or yields an invalid example.
 */
export async function* scanExamples(
  dataset: LoadedDataset,
  part: "examples" | "test",
): AsyncGenerator<ScannedLine> {
  let line = 0;
  for await (const value of entriesOf<unknown>(dataset.path, part, () => dataset[part]?.() ?? [])) {
    line++;
    const checked = checkExample(value);
    if (typeof checked === "string") throw moduleError(dataset.path, `${part}: entry ${line}: ${checked}`);
    if ("reject" in checked) yield { line, reason: checked.reject };
    else if (checked.drawn === undefined) yield { line, row: checked.row };
    else if (dataset.draw === undefined)
      throw moduleError(
        dataset.path,
        `${part}: entry ${line}: the module needs a function 'draw' for this image`,
      );
    else yield { line, row: checked.row, picture: drawnPicture(checked.drawn) };
  }
}

/** @throws SlmError DATA_INVALID if the module throws or yields something other than text. */
export async function* scanUnlabelled(
  dataset: LoadedDataset,
): AsyncGenerator<{ readonly line: number; readonly source: string }> {
  const { unlabelled, path } = dataset;
  if (unlabelled === undefined) {
    throw moduleError(
      path,
      "expected a function 'unlabelled', because the recipe has unlabelled: { kind: module }",
    );
  }
  let line = 0;
  for await (const source of entriesOf<unknown>(path, "unlabelled", unlabelled)) {
    line++;
    if (typeof source !== "string")
      throw moduleError(path, `unlabelled: entry ${line}: expected text, got ${kindOf(source)}`);
    yield { line, source };
  }
}

/** The images of a module's examples: drawn images, and files in `images` or the module's folder. */
export function datasetPictures(dataset: LoadedDataset, images: string | undefined): PictureSource {
  const { path, draw, directory } = dataset;
  const files = imageFiles(images ?? directory);
  if (draw === undefined) return files;
  return drawnPictures(
    files,
    async (drawnFrom) => {
      try {
        return await draw(drawnFrom);
      } catch (error) {
        throw thrownBy(path, `draw(${JSON.stringify(drawnFrom)})`, error);
      }
    },
    (problem) => moduleError(path, problem),
  );
}

type Entries<Value> = Iterable<Value> | AsyncIterable<Value>;

/** Iterates the entries of a module's function. Errors that it throws name the function. */
async function* entriesOf<Value>(
  path: string,
  part: string,
  open: () => Entries<Value> | Examples,
): AsyncGenerator<Value> {
  let place = 0;
  try {
    const entries: unknown = open();
    if (!isIterable(entries))
      throw moduleError(path, `expected ${part} to return an iterable of examples, got ${kindOf(entries)}`);
    for await (const value of entries as Entries<Value>) {
      place++;
      yield value;
    }
  } catch (error) {
    throw thrownBy(path, `${part}, after ${place} entries,`, error);
  }
}

function isIterable(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}
