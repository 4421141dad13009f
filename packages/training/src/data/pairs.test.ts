import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { setTimeout as sleep } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { temporaryFolder } from "@slm/core/testing";
import type { Row } from "@slm/data";
import type { Tokenizer } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { assignBuckets, epochBatches, planBuckets } from "./buckets.js";
import { writePairs, type PairFile } from "./pairs.js";

const directory = temporaryFolder({ each: true });

/** One token per character. */
const letters: Tokenizer = {
  vocabularySize: 200,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  encodeSource: (text) => Array.from(text, (letter) => letter.charCodeAt(0)),
  encodeTarget: (text) => Array.from(text, (letter) => letter.charCodeAt(0)),
  decode: (ids) => String.fromCharCode(...Array.from(ids)),
};
const limits = { maxSource: 6, maxTarget: 6 };

const write = (rows: Iterable<Row>): Promise<PairFile> =>
  writePairs({ rows, tokenizer: letters, limits, where: "train.jsonl", file: join(directory, "pairs") });

describe(writePairs, () => {
  test.each([
    ["source", { source: "abcdefg", target: "u" }, "row 2: source has 7 tokens, the model's limit is 6"],
    ["target", { source: "a", target: "uvwxyz" }, "row 2: target has 7 tokens, the model's limit is 6"],
  ])("rejects a %s beyond the model's limit by its row", async (_side, row, message) => {
    await expect(write([{ source: "a", target: "u" }, row])).rejects.toThrow(`train.jsonl: ${message}`);
  });

  test("rejects no rows", async () => {
    await expect(write([])).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  test("keeps at most 16 bytes of memory a row, batches of an epoch included", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const count = 150_000;
    function* rows(): Generator<Row> {
      for (let index = 0; index < count; index++)
        yield { source: "abcdef".slice(0, 1 + (index % 6)), target: "uvwxy".slice(0, 1 + (index % 5)) };
    }
    // Buffers are also freed outside of garbage collection, so the smallest of a few readings is the memory in use.
    const bytes = async (): Promise<number> => {
      const readings: number[] = [];
      for (let reading = 0; reading < 4; reading++) {
        collect();
        await sleep(10);
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        readings.push(heapUsed + arrayBuffers);
      }
      return Math.min(...readings);
    };
    await (await write([{ source: "a", target: "u" }])).close();
    const before = await bytes();
    const stored = await write(rows());
    const assignment = assignBuckets(stored.lengths, planBuckets(stored.lengths, 4));
    const batches = epochBatches(assignment, 64, 1, 0);
    const used = ((await bytes()) - before) / count;
    expect(stored.count + assignment.length + batches.length).toBeGreaterThan(2 * count);
    expect(used).toBeLessThan(16);
    await stored.close();
  });
});
