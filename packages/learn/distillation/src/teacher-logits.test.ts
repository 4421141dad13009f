import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/artifact";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { loadTeacher, type Teacher } from "@slm/teacher";
import { assignBuckets, epochBatches, planBuckets } from "@slm/training";
import { afterEach, beforeEach, expect, test } from "vitest";
import { goldLogits, type GoldLogits } from "./teacher-logits.js";
import { teacherConfig, teacherWeights, tinyPairs } from "./test-support/tiny.test-support.js";

const pairs = tinyPairs(11);
const buckets = planBuckets(pairs.lengths, 2);
const assignment = assignBuckets(pairs.lengths, buckets);
const batches = epochBatches(assignment, 4, 1, 0);

let directory = "";
let engine: Engine;
let teacher: Teacher;
let scored = 0;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "logits-"));
  engine = await createEagerEngine("js");
  const loaded = await loadTeacher(engine, { config: teacherConfig, weights: teacherWeights });
  scored = 0;
  teacher = {
    ...loaded,
    score: (...given) => {
      scored += 1;
      return loaded.score(...given);
    },
  };
});
afterEach(() => rm(directory, { recursive: true }));

const fileName = (): string => join(directory, "logits.f16");

const read = (signal = new AbortController().signal): Promise<GoldLogits> =>
  goldLogits({
    file: fileName(),
    engine,
    teacher,
    pairs,
    batches,
    buckets,
    scoreBatch: 4,
    batchSize: 3,
    context: { progress: SILENT, signal, seed: 1 },
  });

const { vocabularySize: vocab } = teacherConfig;

test("stored logits are the teacher's live ones less each position's largest, to half precision", async () => {
  const gold = await read();
  for (const bucket of buckets) {
    const rows = Int32Array.from(assignment.keys())
      .filter((row) => buckets[assignment[row]!] === bucket)
      .slice(0, 3);
    const stored = gold.read(rows, bucket);
    expect(stored.shape).toEqual([3 * bucket.target, vocab]);
    const chosen = Array.from(rows, (row) => ({ source: pairs.source(row), target: pairs.target(row) }));
    const live = await engine.download(await teacher.score(chosen, { batch: 3, ...bucket }));
    rows.forEach((row, index) => {
      for (let i = 0; i < bucket.target; i++) {
        const begin = (index * bucket.target + i) * vocab;
        const logits = Array.from(live.data as Float32Array).slice(begin, begin + vocab);
        const isTarget = i < pairs.lengths.target[row]!;
        logits.forEach((logit, v) => {
          const expected = isTarget ? logit - Math.max(...logits) : 0;
          expect(Math.abs(Number(stored.data[begin + v]) - expected)).toBeLessThanOrEqual(
            2e-5 + Math.abs(expected) * 2 ** -11,
          );
        });
      }
    });
  }
});

test("a file cut off anywhere is completed to the same bytes, scoring only what is missing", async () => {
  await read();
  const whole = await readFile(fileName());
  const all = scored;
  expect(all).toBe(batches.length);
  for (const length of [0, 1, 2 * vocab + 1, Math.floor(whole.length / 2), whole.length - 1]) {
    await writeFile(fileName(), whole);
    await truncate(fileName(), length);
    scored = 0;
    await read();
    expect((await readFile(fileName())).equals(whole), `${length} bytes`).toBe(true);
    expect(scored).toBeGreaterThan(0);
    if (length > 0.9 * whole.length) expect(scored).toBe(1);
  }
  scored = 0;
  await read();
  expect(scored).toBe(0);
});

test("a file that holds more than the data has is refused", async () => {
  await read();
  await writeFile(fileName(), Buffer.concat([await readFile(fileName()), Buffer.alloc(2)]));
  await expect(read()).rejects.toMatchObject({ code: "DATA_INVALID" });
});

test("an interruption keeps what was scored", async () => {
  const controller = new AbortController();
  controller.abort();
  await expect(read(controller.signal)).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(scored).toBe(1);
  scored = 0;
  await read();
  expect(scored).toBe(batches.length - 1);
});
