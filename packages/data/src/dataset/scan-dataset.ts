/** Reads a loaded dataset module as the data stage reads files: a scanned line per entry, a source of pictures. */
import { drawnPicture, drawnPictures } from "../images/drawn-pictures.js";
import { imageFiles } from "../images/image-files.js";
import type { PictureSource } from "../images/picture.js";
import type { ScannedLine } from "../read-rows.js";
import { kindOf } from "../row.js";
import { checkExample } from "./check-example.js";
import type { Examples } from "./dataset.js";
import { moduleError, thrownBy, type LoadedDataset } from "./load-dataset.js";

/**
 * Every entry of `examples` or `test` as a row or as a rejection; `line` is the entry's place, counted from 1.
 *
 * @throws SlmError DATA_INVALID if the module throws or yields what is no example.
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
        `${part}: entry ${line}: expected a function 'draw' for its image, got none`,
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
      "expected a function 'unlabelled', since the recipe says unlabelled: { kind: module }",
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

/** The pictures of a module's examples: those it draws, and files below `images` or its own folder. */
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

/** What a function of the module gives, one entry at a time; what it throws is told with its name. */
async function* entriesOf<Value>(
  path: string,
  part: string,
  open: () => Entries<Value> | Examples,
): AsyncGenerator<Value> {
  let place = 0;
  try {
    const entries: unknown = open();
    if (!isIterable(entries))
      throw moduleError(path, `expected ${part} to give an iterable of examples, got ${kindOf(entries)}`);
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
