/**
 * Preprocesses images of rows for the student's tower. Images of training rows are decoded and divided into patches once, stored as 8-bit
 * samples in a file, and read per batch.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  hashJson,
  pathProblem,
  readJsonFile,
  resolveInside,
  throwIfInterrupted,
  writeJsonAtomic,
  type StageContext,
  SlmError,
} from "@slm/core";
import { fileHash } from "./content-hashes.js";
import type { Row } from "@slm/data";
import { towerSampleCount, towerSamples, type VisionTower } from "@slm/model";
import { RecordFile, RecordFileWriter } from "@slm/training";
import { readImage } from "@slm/vision";
import { z } from "zod";

/** Files of a running stage: the samples, and the key of their inputs. */
export const IMAGES_FILE = "images.bin";
export const IMAGES_RECORD = "images.json";

/** Images decoded concurrently. */
const AT_ONCE = 16;
/** Size of the path cache. Rows with the same image are usually adjacent and share its record. */
const REMEMBERED = 1 << 16;
/** Images between two progress reports. */
const REPORT_EVERY = 4096;

export interface RowImagesRequest {
  /** Iterates over the training rows; every call starts at the first. */
  readonly rows: () => AsyncIterable<Row>;
  /** Identifies the contents of {@link rows}. */
  readonly identity: string;
  readonly tower: VisionTower;
  /** Folder that the rows' paths are relative to. */
  readonly dataDirectory: string;
  readonly workDirectory: string;
  /** The rows' file, for errors. */
  readonly where: string;
  readonly context: StageContext;
}

/** Images by row. */
export interface RowImages {
  /** Number of distinct images; some may be counted twice. */
  readonly count: number;
  /** Pixel samples of each row's image, see `towerSamples`. */
  read(rows: ArrayLike<number>): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

/**
 * The samples of a row's image.
 *
 * @throws SlmError DATA_INVALID for a row without an image, a path outside the folder, and an image that cannot be decoded; INPUT_MISSING for a missing file.
 */
export async function readRowImage(
  { image }: Row,
  tower: VisionTower,
  dataDirectory: string,
  where: string,
): Promise<Uint8Array> {
  const problem =
    image === undefined ? "has no image, but the student is a vision-language model" : pathProblem(image);
  if (image === undefined || problem !== undefined)
    throw new SlmError("DATA_INVALID", `${where}: ${problem ?? ""}`, {
      suggestions: ["add an image to every row, or remove distill.student.vision"],
    });
  return towerSamples(tower, await readImage(resolveInside(dataDirectory, image)));
}

/**
 * Decodes the images of all training rows, or reuses those of an interrupted run.
 *
 * Needs 4 bytes of memory per row and `towerSampleCount` bytes on disk per image.
 *
 * @throws SlmError as {@link readRowImage}, naming the row; INTERRUPTED; OUTPUT_FAILED.
 */
export async function openRowImages(request: RowImagesRequest): Promise<RowImages> {
  const places = new PlaceColumn();
  const images = new DistinctImages();
  const file = (await reopen(request)) ?? (await decodeAll(request));
  for await (const { image = "" } of request.rows()) places.push(images.placeOf(image));
  if (images.count !== file.count) {
    await file.close();
    throw new SlmError("UNEXPECTED", `distill: only ${file.count} of ${images.count} images were stored`);
  }
  const placeOf = places.finish();
  return {
    count: file.count,
    read: (rows) => file.read(Array.from(rows, (row) => placeOf[row]!)),
    close: () => file.close(),
  };
}

const record = z.strictObject({ key: z.string(), sha256: z.string() });

const keyOf = ({ identity, tower: { image, patch } }: RowImagesRequest): string =>
  hashJson({ identity, image, patch });

/** The file of an earlier run with the same rows and image preprocessing. */
async function reopen(request: RowImagesRequest): Promise<RecordFile | undefined> {
  const { workDirectory, tower } = request;
  try {
    const { key, sha256 } = await readJsonFile(join(workDirectory, IMAGES_RECORD), record);
    const images = join(workDirectory, IMAGES_FILE);
    if (key !== keyOf(request) || (await fileHash(images)) !== sha256) return undefined;
    return await RecordFile.open(join(workDirectory, IMAGES_FILE), towerSampleCount(tower));
  } catch (error) {
    // Missing or corrupt: the file is created again.
    if (error instanceof SlmError && ["INPUT_MISSING", "DATA_INVALID"].includes(error.code)) return undefined;
    throw error;
  }
}

async function decodeAll(request: RowImagesRequest): Promise<RecordFile> {
  const { tower, workDirectory, context } = request;
  await rm(join(workDirectory, IMAGES_RECORD), { force: true });
  const writer = await RecordFileWriter.create(join(workDirectory, IMAGES_FILE), towerSampleCount(tower));
  let done = 0;
  try {
    for await (const samples of decoded(request)) {
      for (const one of samples) await writer.append(one);
      throwIfInterrupted(context.signal, "distill");
      const before = done;
      done += samples.length;
      if (Math.floor(done / REPORT_EVERY) > Math.floor(before / REPORT_EVERY))
        context.progress({ stage: "distill", message: `${done} images read` });
    }
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const file = await writer.finish();
  const sha256 = await fileHash(join(workDirectory, IMAGES_FILE));
  await writeJsonAtomic(join(workDirectory, IMAGES_RECORD), { key: keyOf(request), sha256 });
  return file;
}

/** Samples of the distinct images, a few at a time, in the order of first use. */
async function* decoded({
  rows,
  tower,
  dataDirectory,
  where,
}: RowImagesRequest): AsyncGenerator<Uint8Array[]> {
  const images = new DistinctImages();
  const readAll = (wanted: typeof pending): Promise<Uint8Array[]> =>
    Promise.all(
      wanted.map(({ row, number }) => readRowImage(row, tower, dataDirectory, `${where}: row ${number}`)),
    );
  let pending: { readonly row: Row; readonly number: number }[] = [];
  let number = 0;
  for await (const row of rows()) {
    number += 1;
    const before = images.count;
    images.placeOf(row.image ?? "");
    if (images.count === before) continue;
    pending.push({ row, number });
    if (pending.length < AT_ONCE) continue;
    yield await readAll(pending);
    pending = [];
  }
  yield await readAll(pending);
}

/** Numbers images in the order of first use. An image that was evicted from the cache gets a new number. */
class DistinctImages {
  count = 0;
  private readonly known = new Map<string, number>();

  placeOf(path: string): number {
    const found = this.known.get(path);
    if (found !== undefined) return found;
    if (this.known.size === REMEMBERED) this.known.clear();
    this.known.set(path, this.count);
    return this.count++;
  }
}

/** A growing list of numbers, one per row. */
class PlaceColumn {
  private values = new Int32Array(1024);
  private count = 0;

  push(value: number): void {
    if (this.count === this.values.length) {
      const larger = new Int32Array(2 * this.count);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = value;
  }

  finish(): Int32Array {
    return this.values.slice(0, this.count);
  }
}
