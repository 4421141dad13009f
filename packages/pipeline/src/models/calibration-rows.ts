/** Rows of a data file as token ids, for calibration and for the label-free divergence metric. */
import { readDeviceModel, type DeviceVision } from "@slm/exported-model";
import { imageFolderOf, readFileRows, type FileSettings } from "@slm/data";
import { SlmError } from "@slm/core/errors";
import { readSafetensors } from "@slm/checkpoints";
import { inParts, type FeedSource, type Feeds, type TokenPair } from "@slm/quantization";
import { loadTokenizer } from "@slm/tokenizer";
import { patchRows } from "@slm/vision";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { rowSettingsFor } from "./row-settings.js";
import { rowImage } from "./row-images.js";

/** Default number of calibration rows of text. With 256, the word error rate of static 8-bit schemes is 0.2 points higher in the quick start (docs/how-to/processors.md). */
const TEXT_ROWS = 1024;

/** Default for rows with images and for ONNX files, whose feeds are large. */
const LARGE_ROWS = 256;

/** `count` rows spread evenly over the file, because neighbouring rows are often similar. */
function spreadRows<Item>(rows: readonly Item[], count: number): readonly Item[] {
  const step = Math.max(1, rows.length / count);
  return Array.from({ length: Math.min(count, rows.length) }, (_, at) => rows[Math.floor(at * step)]!);
}

/**
 * Tokenizes rows with the model's tokenizer and converts their images to inputs of its vision graph. Paths of
 * images start from the file's folder.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID for the rows, their images or a symbol the model does not know
 */
export async function readTokenPairs(
  path: string,
  modelDirectory: string,
  count?: number,
  given?: FileSettings,
): Promise<readonly TokenPair[]> {
  const tokenizer = await loadTokenizer(modelDirectory);
  const { vision } = await readDeviceModel(modelDirectory);
  const settings = await rowSettingsFor({ file: path, model: modelDirectory, needed: "rows", given });
  const rows = await readFileRows(path, settings);
  const defaultRows = vision === undefined ? TEXT_ROWS : LARGE_ROWS;
  const pairs: TokenPair[] = [];
  for (const { source, target, image } of spreadRows(rows, count ?? defaultRows)) {
    const pair = { source: tokenizer.encodeSource(source), target: tokenizer.encodeTarget(target) };
    const patches =
      vision === undefined || image === undefined
        ? undefined
        : await patchesOf(vision, settings.images ?? imageFolderOf(path), image);
    pairs.push(patches === undefined ? pair : { ...pair, patches });
  }
  return pairs;
}

async function patchesOf(vision: DeviceVision, folder: string, image: string): Promise<Float32Array> {
  return patchRows(vision, await (await rowImage(folder, image).find()).decode());
}

/**
 * Feeds of an external model: a directory of safetensors files, one per run, with tensors named after the model's inputs.
 * Files are taken in the order of their names.
 *
 * @throws SlmError INPUT_MISSING if there is no such directory or no such file in it
 */
export async function readFeeds(directory: string, count: number = LARGE_ROWS): Promise<FeedSource> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `${directory}: expected a directory of safetensors files`, { cause });
  });
  const files = names.filter((name) => name.endsWith(".safetensors")).sort();
  if (files.length === 0) {
    throw new SlmError(
      "INPUT_MISSING",
      `${directory}: no .safetensors file: each holds the inputs of one run`,
      {
        context: { directory },
      },
    );
  }
  const paths = spreadRows(files, count).map((file) => join(directory, file));
  return inParts(paths, (some) => ({
    rows: { kind: "files", paths: some },
    feeds: () => feedsOfFiles(some),
  }));
}

/** The runs that files hold. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function* feedsOfFiles(paths: readonly string[]): AsyncGenerator<Feeds> {
  for (const path of paths) yield Object.fromEntries((await readSafetensors(path)).tensors);
}
