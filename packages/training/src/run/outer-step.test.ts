import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors } from "@slm/checkpoints";
import { createHostTensor } from "@slm/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { outerStep, splitState, stateAt, weightBytes, withGlobalWeights } from "./outer-step.js";
import { sealedTensors } from "../state/sealed-tensors.js";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-outer-step-"));
});
afterEach(() => rm(root, { recursive: true }));

async function file(
  name: string,
  values: Readonly<Record<string, readonly number[]>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<string> {
  const tensors = new Map(
    Object.entries(values).map(([key, numbers]) => [
      key,
      createHostTensor("float32", [numbers.length], Float32Array.from(numbers)),
    ]),
  );
  await writeFile(join(root, name), sealedTensors(tensors, metadata));
  return join(root, name);
}

async function valuesOf(bytes: Uint8Array): Promise<Readonly<Record<string, readonly number[]>>> {
  await writeFile(join(root, "read"), bytes);
  const { tensors } = await readSafetensors(join(root, "read"));
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, Array.from(data, Number)]));
}

const progress = (step: number): Readonly<Record<string, string>> => ({
  progress: JSON.stringify({
    step,
    key: "k",
    best: [],
    withoutBetter: 0,
    recent: { loss: 3, count: 1 },
    metrics: {},
  }),
});

describe(outerStep, () => {
  test("is Nesterov momentum on the mean of how far the replicas went, over two rounds", async () => {
    const settings = { learningRate: 0.5, momentum: 0.5 };
    const start = await file("start", { "state.a.value": [1, 2], "state.a.first": [9, 9] });
    const ends = [
      await file("e0", { "state.a.value": [0, 2] }),
      await file("e1", { "state.a.value": [0.5, 1] }),
    ];
    const first = await outerStep({ start, ends }, settings);
    // delta = [0.75, 0.5]; momentum = delta; weights = start - 0.5 (delta + 0.5 delta)
    expect(await valuesOf(first.momentum)).toEqual({ "state.a.value": [0.75, 0.5] });
    expect(await valuesOf(first.weights)).toEqual({ "state.a.value": [1 - 0.5 * 1.125, 2 - 0.5 * 0.75] });
    expect(first.deltaNorm).toBeCloseTo(Math.hypot(0.75, 0.5), 12);
    const momentum = await file("momentum", await valuesOf(first.momentum));
    const second = await outerStep({ start, momentum, ends: [start] }, settings);
    // delta = 0; momentum = 0.5 · momentum; weights = start - 0.5 · 0.5 · momentum
    expect(await valuesOf(second.momentum)).toEqual({ "state.a.value": [0.375, 0.25] });
    expect(await valuesOf(second.weights)).toEqual({ "state.a.value": [1 - 0.25 * 0.375, 2 - 0.25 * 0.25] });
  });

  test.each([
    ["another size", { "state.a.value": [1] }],
    ["another tensor", { "state.b.value": [1, 2] }],
    ["more tensors", { "state.a.value": [1, 2], "state.b.value": [1] }],
    ["no finite numbers", { "state.a.value": [1, Number.NaN] }],
  ])("refuses an end with %s", async (_name, values) => {
    const start = await file("start", { "state.a.value": [1, 2] });
    const outer = outerStep({ start, ends: [await file("end", values)] }, { learningRate: 1, momentum: 0 });
    await expect(outer).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

describe(withGlobalWeights, () => {
  const state = { "state.a.value": [1, 2], "state.a.first": [3, 4] };

  test("gives a replica its own moments with the weights of all", async () => {
    const { weights, moments } = await splitState(await file("state", state, progress(7)));
    expect(await valuesOf(weights)).toEqual({ "state.a.value": [1, 2] });
    await writeFile(join(root, "moments"), moments);
    const all = await file("all", { "state.a.value": [5, 6] });
    const next = await withGlobalWeights(join(root, "moments"), all, 7);
    expect(await valuesOf(next)).toEqual({ "state.a.value": [5, 6], "state.a.first": [3, 4] });
    expect(await weightBytes(join(root, "read"))).toBe(8);
  });

  test("refuses moments of another round", async () => {
    const { moments } = await splitState(await file("state", state, progress(7)));
    await writeFile(join(root, "moments"), moments);
    const all = await file("all", { "state.a.value": [5, 6] });
    await expect(withGlobalWeights(join(root, "moments"), all, 8)).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
  });
});

test("a state after steps that were taken elsewhere has their weights, its own moments, and the step", async () => {
  const state = await file("state", { "state.a.value": [1], "state.a.first": [3] }, progress(0));
  const weights = await file("weights", { "state.a.value": [2] });
  const next = await stateAt(state, weights, { step: 40, loss: 0.5 });
  expect(await valuesOf(next)).toEqual({ "state.a.value": [2], "state.a.first": [3] });
  const { metadata } = await readSafetensors(join(root, "read"));
  expect(JSON.parse(metadata["progress"]!)).toMatchObject({
    step: 40,
    loss: 0.5,
    key: "k",
    recent: { count: 0 },
  });
});
