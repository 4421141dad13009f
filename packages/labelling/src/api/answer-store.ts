/**
 * Answers that were paid for, found by the hash of their request.
 *
 * A directory of segments, each written by one process and never again by another. So processes need no lock, and a kill can only cut
 * the last line of a segment, which has no line break and is ignored. A line is the key of the request, the key of source and target (64
 * hexadecimal digits each, with a space behind), and the answer as JSON. In memory are two places per answer.
 */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { readFailure, SlmError, systemCode, writeFailure } from "@slm/core";
import { storedAnswer, type StoredAnswer } from "./api-answer.js";
import type { AnswerKeys, PaidAnswers } from "./api-sharing.js";

const SEGMENT = /^answers-[0-9a-z-]+\.jsonl$/u;
const KEYS = /^[0-9a-f]{64} [0-9a-f]{64} $/u;
const KEY_LENGTH = 64;
/** Both keys and the spaces behind them. */
const HEAD_LENGTH = 2 * (KEY_LENGTH + 1);
/** Second key of an answer without a target. */
const NO_TARGET = "0".repeat(KEY_LENGTH);
const LINE_BREAK = 0x0a;

interface Place {
  readonly file: string;
  /** First byte of the line. */
  readonly start: number;
  /** Bytes of the line, its break excluded. */
  readonly length: number;
}

interface Waiting {
  readonly line: Buffer;
  readonly keys: AnswerKeys;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class AnswerStore implements PaidAnswers {
  readonly #directory: string;
  readonly #places: Places;
  #segment: { readonly file: string; readonly handle: FileHandle; bytes: number } | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  private constructor(directory: string, places: Places) {
    this.#directory = directory;
    this.#places = places;
  }

  /** Opens the answers of a directory, which is created by the first write. @throws SlmError INPUT_MISSING if it cannot be read */
  static async open(directory: string): Promise<AnswerStore> {
    const places = new Places();
    for (const name of await segmentsOf(directory)) await addPlaces(join(directory, name), places);
    return new AnswerStore(directory, places);
  }

  /** The answer to a request. @throws SlmError DATA_INVALID for a line that was changed */
  async get(request: string): Promise<StoredAnswer | undefined> {
    return this.#read(this.#places.byRequest.get(request));
  }

  /** An answer with this source and target. @throws SlmError DATA_INVALID for a line that was changed */
  async find(target: string): Promise<StoredAnswer | undefined> {
    return this.#read(this.#places.byTarget.get(target));
  }

  async #read(place: Place | undefined): Promise<StoredAnswer | undefined> {
    if (place === undefined) return undefined;
    const line = await readPlace(place);
    const parsed = storedAnswer.safeParse(parseJson(line.slice(HEAD_LENGTH)));
    if (parsed.success) return parsed.data;
    throw new SlmError(
      "DATA_INVALID",
      `${place.file}: expected an answer at byte ${place.start}, got something else`,
      { suggestions: ["delete the file; its answers are requested and paid for again"] },
    );
  }

  /** Stores an answer; it is on the device when the promise resolves. @throws SlmError OUTPUT_FAILED */
  async put(keys: AnswerKeys, answer: StoredAnswer): Promise<void> {
    const line = Buffer.from(`${keys.request} ${keys.target ?? NO_TARGET} ${JSON.stringify(answer)}\n`);
    return new Promise((done, failed) => {
      this.#waiting.push({ line, keys, done, failed });
      this.#writing ??= this.#writeWaiting();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#segment?.handle.close();
    this.#segment = undefined;
  }

  /** Writes what waits, in one piece and with one flush, until nothing does. */
  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const segment = (this.#segment ??= await this.#createSegment());
        await segment.handle.appendFile(Buffer.concat(batch.map(({ line }) => line)));
        await segment.handle.datasync();
        for (const { line, keys, done } of batch) {
          this.#places.add(keys, { file: segment.file, start: segment.bytes, length: line.length - 1 });
          segment.bytes += line.length;
          done();
        }
      } catch (error) {
        // What a failed write left is cut off by no one, so the next write goes to a new segment.
        await this.#segment?.handle.close().catch(() => undefined);
        this.#segment = undefined;
        const failure = writeFailure(error, this.#directory, "earlier answers are kept");
        for (const { failed } of batch) failed(failure);
      }
    }
    this.#writing = undefined;
  }

  async #createSegment(): Promise<{ readonly file: string; readonly handle: FileHandle; bytes: number }> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = join(this.#directory, `answers-${process.pid}-${randomBytes(6).toString("hex")}.jsonl`);
    return { file, handle: await open(file, "ax", 0o600), bytes: 0 };
  }
}

class Places {
  readonly byRequest = new Map<string, Place>();
  readonly byTarget = new Map<string, Place>();

  add({ request, target }: AnswerKeys, place: Place): void {
    this.byRequest.set(request, place);
    if (target !== undefined) this.byTarget.set(target, place);
  }
}

async function segmentsOf(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => SEGMENT.test(name)).sort();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw readFailure(error, directory);
  }
}

/** Adds the complete lines of a segment. */
async function addPlaces(file: string, places: Places): Promise<void> {
  let start = 0;
  let length = 0;
  let head = "";
  try {
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      let at = 0;
      while (at < piece.length) {
        const found = piece.indexOf(LINE_BREAK, at);
        const end = found === -1 ? piece.length : found;
        if (head.length < HEAD_LENGTH)
          head += piece.toString("latin1", at, Math.min(end, at + HEAD_LENGTH - head.length));
        length += end - at;
        at = end + 1;
        if (found === -1) break;
        if (!KEYS.test(head)) throw notAnswers(file, start);
        const target = head.slice(KEY_LENGTH + 1, -1);
        const keys = {
          request: head.slice(0, KEY_LENGTH),
          target: target === NO_TARGET ? undefined : target,
        };
        places.add(keys, { file, start, length });
        start += length + 1;
        length = 0;
        head = "";
      }
    }
  } catch (error) {
    throw readFailure(error, file);
  }
}

const notAnswers = (file: string, start: number): SlmError =>
  new SlmError(
    "DATA_INVALID",
    `${file}: expected an answer with its key at byte ${start}, got something else`,
    {
      suggestions: ["delete the file; its answers are requested and paid for again"],
    },
  );

async function readPlace({ file, start, length }: Place): Promise<string> {
  try {
    const handle = await open(file, "r");
    try {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await handle.read(buffer, 0, length, start);
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readFailure(error, file);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Rejected by the caller, as any other text that is no answer.
  }
}
