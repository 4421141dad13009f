import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readSafetensors, writeSafetensors, readHuggingFaceDirectory, writeImported } from "@slm/checkpoints";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkTeacher, type TeacherCheckReport } from "./check-teacher.js";
import { readReference } from "./reference-file.js";

const FIXTURE = join(import.meta.dirname, "../../../checkpoints/fixtures/import/llama");
const [ROWS, LENGTH, VOCABULARY] = [2, 24, 80];

const root = temporaryFolder();
let engine: Engine;
let logits: Float32Array = new Float32Array();
let ids: HostTensor;
beforeAll(async () => {
  engine = await createEagerEngine("js");
  await writeImported(await readHuggingFaceDirectory(FIXTURE), root, { dtype: "float32" });
  const { tensors } = await readSafetensors(join(FIXTURE, "expected.safetensors"));
  ids = tensors.get("ids")!;
  logits = tensors.get("logits")!.data as Float32Array;
});
afterAll(() => engine.close());

async function write(tensors: Readonly<Record<string, HostTensor>>): Promise<string> {
  const file = join(root, "reference.safetensors");
  await writeSafetensors(file, new Map(Object.entries({ ids, ...tensors })));
  return file;
}

async function check(tensors: Readonly<Record<string, HostTensor>>): Promise<TeacherCheckReport> {
  const context = { progress: () => undefined, signal: new AbortController().signal };
  return checkTeacher(root, await write(tensors), { engine, context });
}

const float = (shape: readonly number[], values: ArrayLike<number>): HostTensor =>
  createHostTensor("float32", shape, Float32Array.from(values));

/** log-softmax of every position. */
function logProbabilities(values: Float32Array): Float32Array {
  const result = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += VOCABULARY) {
    const row = values.subarray(start, start + VOCABULARY);
    const normalizer = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    row.forEach((value, id) => (result[start + id] = value - normalizer));
  }
  return result;
}

/** The compact form, with the k most probable tokens of every position. */
function top(values: Float32Array, k: number): Record<string, HostTensor> {
  const shape = [ROWS, LENGTH, k];
  const [topIds, shares, tail]: [number[], number[], number[]] = [[], [], []];
  for (let start = 0; start < values.length; start += VOCABULARY) {
    const row = [...values.subarray(start, start + VOCABULARY)].map((value, id) => ({ value, id }));
    const best = row.sort((a, b) => b.value - a.value).slice(0, k);
    topIds.push(...best.map(({ id }) => id));
    shares.push(...best.map(({ value }) => value));
    tail.push(Math.max(0, 1 - best.reduce((sum, { value }) => sum + Math.exp(value), 0)));
  }
  return {
    topIds: createHostTensor("int32", shape, Int32Array.from(topIds)),
    topLogProbabilities: float(shape, shares),
    tail: float([ROWS, LENGTH], tail),
  };
}

const whole = [ROWS, LENGTH, VOCABULARY];

describe(checkTeacher, () => {
  test("finds no difference if the reference is the same model, in every form", async () => {
    const forms = [
      { logits: float(whole, logits) },
      { logProbabilities: float(whole, logProbabilities(logits)) },
      top(logProbabilities(logits), 5),
    ];
    for (const form of forms) {
      const report = await check(form);
      expect(report).toMatchObject({ positions: ROWS * LENGTH, agreement: 1, rows: ROWS, vocab: VOCABULARY });
      expect(Math.abs(report.meanKl)).toBeLessThan(1e-6);
      expect(report.maxAbs).toBeLessThan(1e-3);
    }
  });

  test("measures a known divergence: every logit of one token raised by one", async () => {
    const raised = logits.map((value, index) => value + (index % VOCABULARY === 7 ? 1 : 0));
    const p = logProbabilities(Float32Array.from(raised));
    const q = logProbabilities(logits);
    const expected =
      p.reduce((sum, log, index) => sum + Math.exp(log) * (log - q[index]!), 0) / (ROWS * LENGTH);
    const report = await check({ logits: float(whole, raised) });
    expect(report.meanKl).toBeCloseTo(expected, 5);
    expect(report.maxAbs).toBeCloseTo(1, 4);
  });

  test("compares only positions within the text", async () => {
    const lengths = createHostTensor("int32", [ROWS], Int32Array.of(3, LENGTH));
    const beyond = logits.map((value, index) =>
      Math.floor(index / VOCABULARY) % LENGTH >= 3 && index < LENGTH * VOCABULARY ? 99 : value,
    );
    const report = await check({ lengths, logits: float(whole, beyond) });
    expect(report).toMatchObject({ positions: 3 + LENGTH, agreement: 1 });
  });

  test("rejects numbers that are not finite", async () => {
    const broken = logits.map((value, index) => (index === 500 ? NaN : value));
    await expect(check({ logits: float(whole, broken) })).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

describe(readReference, () => {
  const values = (): HostTensor => float(whole, logits);
  test.each<[string, () => Readonly<Record<string, HostTensor>>, string]>([
    ["no distributions", () => ({}), "should contain one of logits, logProbabilities, topIds, has none"],
    [
      "two forms",
      () => ({ logits: values(), logProbabilities: values() }),
      "has logits and logProbabilities",
    ],
    [
      "another vocabulary",
      () => ({ logits: float([ROWS, LENGTH, 2], new Float32Array(ROWS * LENGTH * 2)) }),
      "should be float32 [2, 24, 80]",
    ],
    [
      "lengths beyond the rows",
      () => ({ logits: values(), lengths: createHostTensor("int32", [2], Int32Array.of(25, 1)) }),
      "from 1 to 24",
    ],
    [
      "ids of no token",
      () => ({
        ids: createHostTensor("int32", [1, 1], Int32Array.of(80)),
        logits: float([1, 1, 80], new Float32Array(80)),
      }),
      "from 0 to 79",
    ],
    [
      "tails that are no probabilities",
      () => ({
        ...top(logProbabilities(logits), 1),
        tail: float([ROWS, LENGTH], new Float32Array(48).fill(1.5)),
      }),
      "tail",
    ],
  ])("rejects %s", async (_what, tensors, message) => {
    await expect(readReference(await write(tensors()), VOCABULARY)).rejects.toThrow(message);
  });
});
