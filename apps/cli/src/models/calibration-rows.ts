/** Rows of a data file as a model's token ids: what calibrates and judges quantized models without labels. */
import { readDeviceModel, type DeviceVision } from "@slm/artifact";
import { imageFolderOf, readAllRows } from "@slm/data";
import { SlmError } from "@slm/error";
import { readSafetensors } from "@slm/model";
import type { FeedSource, Feeds, TokenPair } from "@slm/quantization";
import { loadTokenizer } from "@slm/tokenizer";
import { patchRows } from "@slm/vision";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { rowImage } from "./row-images.js";

/** Rows that calibrate unless told otherwise. */
export const CALIBRATION_ROWS = 256;

/** `count` rows spread evenly over all: neighbours in a file are often alike. */
export function spreadRows<Item>(rows: readonly Item[], count: number): readonly Item[] {
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
  count: number = CALIBRATION_ROWS,
): Promise<readonly TokenPair[]> {
  const tokenizer = await loadTokenizer(modelDirectory);
  const { vision } = await readDeviceModel(modelDirectory);
  const pairs: TokenPair[] = [];
  for (const { source, target, image } of spreadRows(await readAllRows(path), count)) {
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
 * Feeds of a foreign model: a directory of safetensors files, each one run, its tensors named after the model's inputs.
 * Files are taken in the order of their names.
 *
 * @throws SlmError INPUT_MISSING if there is no such directory or no such file in it
 */
export async function readFeeds(directory: string, count: number = CALIBRATION_ROWS): Promise<FeedSource> {
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
