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

/**
 * Default number of text rows for calibration. With 256, the word error rate of static 8-bit schemes in the quick start is 0.2 points
 * higher (docs/how-to/devices.md).
 */
const TEXT_ROWS = 1024;

/** Default for rows with images and for ONNX files, because their inputs are large. */
const LARGE_ROWS = 256;

/** `count` rows spread evenly over the file, because neighbouring rows are often similar. */
function spreadRows<Item>(rows: readonly Item[], count: number): readonly Item[] {
  const step = Math.max(1, rows.length / count);
  return Array.from({ length: Math.min(count, rows.length) }, (_, at) => rows[Math.floor(at * step)]!);
}

/**
 * Tokenizes rows with the model's tokenizer and converts their images to inputs of its vision graph. Image paths are relative to the file's
 * folder.
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
 * Inputs of an external model: a directory of safetensors files, one per run, with tensors named after the model's inputs. Files are read
 * in the order of their names.
 *
 * @throws SlmError INPUT_MISSING if the directory does not exist or contains no safetensors files
 */
export async function readFeeds(directory: string, count: number = LARGE_ROWS): Promise<FeedSource> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `${directory}: expected a directory of safetensors files`, { cause });
  });
  const files = names.filter((name) => name.endsWith(".safetensors")).sort();
  if (files.length === 0) {
    throw new SlmError(
      "INPUT_MISSING",
      `${directory}: no .safetensors files found; each file contains the inputs of one run`,
      {
        context: { directory },
      },
    );
  }
  const paths = spreadRows(files, count).map((file) => join(directory, file));
  return inParts(paths, (some) => () => feedsOfFiles(some));
}

/** Reads the inputs of one run from each file. @throws SlmError INPUT_MISSING, DATA_INVALID */
async function* feedsOfFiles(paths: readonly string[]): AsyncGenerator<Feeds> {
  for (const path of paths) yield Object.fromEntries((await readSafetensors(path)).tensors);
}
