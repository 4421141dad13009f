/** Sorts texts into buckets, which are written to disk if they exceed the memory limit, so that data of any size can be grouped and sorted. */
import { removePath } from "@slm/core";
import { appendFile, mkdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readLines } from "../rows/lines.js";

/** Text that is buffered before it is written to disk [UTF-16 units]. */
const MEMORY_UNITS = 16 * 1024 * 1024;

/** Input per bucket [bytes]. One bucket is in memory at a time and is about eight times as large there. */
const BUCKET_BYTES = 8 * 1024 * 1024;
const MAX_BUCKETS = 4096;

/** Number of buckets for an input size. */
export function bucketsFor(inputBytes: number, bucketBytes = BUCKET_BYTES): number {
  return Math.min(MAX_BUCKETS, Math.max(1, Math.ceil(inputBytes / bucketBytes)));
}

export interface SpillOptions {
  /** Created when it is first needed; must contain nothing else. */
  readonly directory: string;
  readonly buckets: number;
  /** Text that is buffered before it is written to disk. Default: 16 Mi. */
  readonly memoryUnits?: number | undefined;
}

export class Spill {
  readonly buckets: number;
  readonly #directory: string;
  readonly #memoryUnits: number;
  readonly #held: string[][];
  #heldUnits = 0;

  constructor({ directory, buckets, memoryUnits = MEMORY_UNITS }: SpillOptions) {
    this.#directory = directory;
    this.buckets = buckets;
    this.#memoryUnits = memoryUnits;
    this.#held = Array.from({ length: buckets }, () => []);
  }

  /**
   * Adds a value to a bucket.
   *
   * @param share position in [0, 1), which the buckets divide into equal ranges, in order
   */
  async add(share: number, value: unknown): Promise<void> {
    const bucket = Math.min(this.buckets - 1, Math.floor(share * this.buckets));
    const text = JSON.stringify(value);
    this.#held[bucket]!.push(text);
    this.#heldUnits += text.length;
    if (this.#heldUnits > this.#memoryUnits) await this.#flush();
  }

  /** The values of a bucket in insertion order. */
  async *read(bucket: number): AsyncGenerator {
    const path = this.#pathOf(bucket);
    if (existsSync(path)) {
      for await (const line of readLines(path, { limitBytes: Number.MAX_SAFE_INTEGER })) {
        if ("reason" in line) throw new Error(`${path}:${line.line}: ${line.reason}`);
        yield JSON.parse(line.text) as unknown;
      }
    }
    for (const text of this.#held[bucket] ?? []) yield JSON.parse(text) as unknown;
  }

  /** Clears everything and removes the directory. */
  async clear(): Promise<void> {
    for (const texts of this.#held) texts.length = 0;
    this.#heldUnits = 0;
    await removePath(this.#directory);
  }

  async #flush(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    for (const [bucket, texts] of this.#held.entries()) {
      if (texts.length === 0) continue;
      await appendFile(this.#pathOf(bucket), texts.map((text) => `${text}\n`).join(""));
      texts.length = 0;
    }
    this.#heldUnits = 0;
  }

  #pathOf(bucket: number): string {
    return join(this.#directory, `${bucket}.jsonl`);
  }
}
