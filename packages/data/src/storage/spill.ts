/** Texts sorted into buckets that go to disk when they no longer fit in memory: what groups and sorts data of any size. */
import { appendFile, mkdir, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readLines } from "../rows/lines.js";

/** Text held before it goes to disk [UTF-16 units]. */
const MEMORY_UNITS = 16 * 1024 * 1024;

/** Input per bucket, one of which is in memory at a time, there about eight times as large [bytes]. */
const BUCKET_BYTES = 8 * 1024 * 1024;
const MAX_BUCKETS = 4096;

/** Buckets for an input of a size. */
export function bucketsFor(inputBytes: number, bucketBytes = BUCKET_BYTES): number {
  return Math.min(MAX_BUCKETS, Math.max(1, Math.ceil(inputBytes / bucketBytes)));
}

export interface SpillOptions {
  /** Made when it is first needed; nothing else may be in it. */
  readonly directory: string;
  readonly buckets: number;
  /** Text held before it goes to disk. Default 16 Mi. */
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
   * @param share where it belongs, from 0 to below 1: buckets are equal parts of it, in order
   */
  async add(share: number, value: unknown): Promise<void> {
    const bucket = Math.min(this.buckets - 1, Math.floor(share * this.buckets));
    const text = JSON.stringify(value);
    this.#held[bucket]!.push(text);
    this.#heldUnits += text.length;
    if (this.#heldUnits > this.#memoryUnits) await this.#flush();
  }

  /** The values of a bucket in the order they were added. */
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

  /** Forgets everything and removes the directory. */
  async clear(): Promise<void> {
    for (const texts of this.#held) texts.length = 0;
    this.#heldUnits = 0;
    await rm(this.#directory, { recursive: true, force: true });
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
