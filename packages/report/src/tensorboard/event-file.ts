/**
 * Writes TensorBoard event files during a run, so that TensorBoard can follow it.
 *
 * A resumed run truncates the old files before the repeated steps and continues in a new file, so that all files together
 * hold one curve. The new file begins with a session start, which makes TensorBoard discard truncated events that it has already
 * read. Old files are truncated, never deleted, because TensorBoard waits forever for a deleted file.
 */
import { open, readdir, readFile, rm, stat, truncate, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, readFailure, writeFailure, SlmError } from "@slm/core";
import { encodeEvent, inspectEvent, type TrainingEvent } from "./event.js";
import { frameRecord, readRecords } from "./tf-record.js";

export interface EventFileOptions {
  /** Events after this step are dropped, because the run resumes from this step. Default: 0. */
  readonly keepThroughStep?: number;
}

export interface EventFile {
  readonly path: string;
  /**
   * Adds scalars, kept as float32. Steps must not decrease from one call to the next. `dev.x` appears as `dev/x`, a name without a dot as `train/x`.
   *
   * Units: wallTime in seconds since 1970.
   *
   * @throws SlmError OUTPUT_FAILED
   */
  append(step: number, wallTime: number, values: Readonly<Record<string, number>>): Promise<void>;
  /** Adds a text, which TensorBoard reads as Markdown. @throws SlmError OUTPUT_FAILED */
  appendText(step: number, wallTime: number, tag: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** TensorBoard recognizes an event file by `tfevents` in its name and reads files in the order of their names. */
const FILE_NAME = /^events\.out\.tfevents\.(\d{10})\.slm$/;
/** Limit of an event file, enough for millions of scalars. */
const LIMIT_BYTES = 512 * 1024 * 1024;

/**
 * Opens a new event file in a directory, which is created if needed, after truncating earlier files to the step from which the
 * run resumes. Event files of other programs are not touched.
 *
 * @throws SlmError OUTPUT_FAILED; DATA_INVALID for an event file of more than 512 MiB.
 */
export async function openEventFile(directory: string, options: EventFileOptions = {}): Promise<EventFile> {
  const { keepThroughStep = 0 } = options;
  const now = Date.now() / 1000;
  const earlier = await ownFiles(directory);
  for (const { name } of earlier) await cutBack(join(directory, name), keepThroughStep);
  const number = Math.max(Math.floor(now), 1 + (earlier.at(-1)?.number ?? 0));
  const path = join(directory, `events.out.tfevents.${String(number).padStart(10, "0")}.slm`);
  try {
    const file = new GrowingFile(path, await open(path, "ax"));
    await file.write({ wallTime: now, step: 0, content: { kind: "version" } });
    await file.write({ wallTime: now, step: keepThroughStep + 1, content: { kind: "start" } });
    return file;
  } catch (error) {
    throw writeFailure(error, path, "the event files before it are kept");
  }
}

/** The name TensorBoard shows a logged quantity under; it groups names by the part before the slash. */
export function tensorboardTag(name: string): string {
  return name.includes(".") ? name.replace(".", "/") : `train/${name}`;
}

class GrowingFile implements EventFile {
  readonly path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  async append(step: number, wallTime: number, values: Readonly<Record<string, number>>): Promise<void> {
    const tagged = Object.entries(values).map(([name, value]) => [tensorboardTag(name), value] as const);
    if (tagged.length === 0) return;
    await this.write({ step, wallTime, content: { kind: "scalars", values: Object.fromEntries(tagged) } });
  }

  async appendText(step: number, wallTime: number, tag: string, text: string): Promise<void> {
    await this.write({ step, wallTime, content: { kind: "text", tag, text } });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** One write per record, so that a reader never sees a partial record. */
  async write(event: TrainingEvent): Promise<void> {
    try {
      await this.#handle.appendFile(frameRecord(encodeEvent(event)));
    } catch (error) {
      throw writeFailure(error, this.path, "the events before are kept");
    }
  }
}

interface OwnFile {
  readonly name: string;
  readonly number: number;
}

/** Event files of this module, oldest first. */
async function ownFiles(directory: string): Promise<readonly OwnFile[]> {
  try {
    await makeFolder(directory);
    const names = await readdir(directory);
    return names
      .flatMap((name) => {
        const digits = FILE_NAME.exec(name)?.[1];
        return digits === undefined ? [] : [{ name, number: Number(digits) }];
      })
      .sort((a, b) => a.number - b.number);
  } catch (error) {
    throw writeFailure(error, directory, "nothing was written");
  }
}

/**
 * Truncates a file before its first event after the step and before an incomplete record. A file without data up to there
 * becomes empty; the next run deletes it.
 */
async function cutBack(path: string, keepThroughStep: number): Promise<void> {
  const bytes = await readBytes(path);
  try {
    if (bytes.length === 0) {
      await rm(path);
      return;
    }
    const end = keptBytes(bytes, keepThroughStep);
    if (end < bytes.length) await truncate(path, end);
  } catch (error) {
    throw writeFailure(error, path, "its events are kept");
  }
}

function keptBytes(file: Uint8Array, keepThroughStep: number): number {
  let kept = 0;
  let holdsData = false;
  for (const { data, end } of readRecords(file)) {
    const event = inspectEvent(data);
    if (event === undefined || (event.isData && event.step > keepThroughStep)) break;
    holdsData ||= event.isData;
    kept = end;
  }
  return holdsData ? kept : 0;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > LIMIT_BYTES) {
      throw new SlmError("DATA_INVALID", `${path}: ${size} bytes, at most ${LIMIT_BYTES} are read`, {
        context: { path, bytes: size, limit: LIMIT_BYTES },
        suggestions: [`delete ${path}: 'slm report RUN --tensorboard DIR' makes one from the run's log`],
      });
    }
    return await readFile(path);
  } catch (error) {
    throw readFailure(error, path);
  }
}
