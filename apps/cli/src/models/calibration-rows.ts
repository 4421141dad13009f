/** Rows of a data file as a model's token ids: what calibrates and judges quantized models without labels. */
import { readDeviceModel, type DeviceVision } from "@slm/exported-model";
import { imageFolderOf, readAllRows } from "@slm/data";
import { SlmError } from "@slm/core/errors";
import { readSafetensors } from "@slm/checkpoints";
import type { FeedSource, Feeds, TokenPair } from "@slm/quantization";
import { loadTokenizer } from "@slm/tokenizer";
import { patchRows } from "@slm/vision";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { rowImage } from "./row-images.js";

/**
 * Rows of text that calibrate unless told otherwise. With 256, static schemes of 8 bits lose 0.2 points more of the quick start's
 * words (docs/how-to/processors.md).
 */
const TEXT_ROWS = 1024;

/** Rows with images, or runs of a file of any origin: their feeds are large. */
const LARGE_ROWS = 256;

/** `count` rows spread evenly over all: neighbours in a file are often alike. */
function spreadRows<Item>(rows: readonly Item[], count: number): readonly Item[] {
  const step = Math.max(1, rows.length / count);
  return Array.from({ length: Math.min(count, rows.length) }, (_, at) => rows[Math.floor(at * step)]!);
}

/**
 * Reads rows and turns them into ids by the model's tokenizer, and their images into what its vision graph reads. Paths of
 * images start from the file's folder.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID for the rows, their images or a symbol the model does not know
 */
export async function readTokenPairs(
  path: string,
  modelDirectory: string,
  count?: number,
): Promise<readonly TokenPair[]> {
  const tokenizer = await loadTokenizer(modelDirectory);
  const { vision } = await readDeviceModel(modelDirectory);
  const rows = await readAllRows(path);
  const defaultRows = vision === undefined ? TEXT_ROWS : LARGE_ROWS;
  const pairs: TokenPair[] = [];
  for (const { source, target, image } of spreadRows(rows, count ?? defaultRows)) {
    const pair = { source: tokenizer.encodeSource(source), target: tokenizer.encodeTarget(target) };
    const patches =
      vision === undefined || image === undefined
        ? undefined
        : await patchesOf(vision, imageFolderOf(path), image);
    pairs.push(patches === undefined ? pair : { ...pair, patches });
  }
  return pairs;
}

async function patchesOf(vision: DeviceVision, folder: string, image: string): Promise<Float32Array> {
  return patchRows(vision, await (await rowImage(folder, image).find()).decode());
}

/**
 * Feeds of a external model: a directory of safetensors files, each one run, its tensors named after the model's inputs.
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
  return async function* feeds(): AsyncGenerator<Feeds> {
    for (const file of spreadRows(files, count)) {
      const { tensors } = await readSafetensors(join(directory, file));
      yield Object.fromEntries(tensors);
    }
  };
}
