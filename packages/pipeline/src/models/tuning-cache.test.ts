import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeDeviceModel } from "@slm/exported-model";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  candidates,
  fastest,
  optionsOf,
  readTuning,
  tune,
  type CpuTuning,
  type MeasuredTuning,
} from "./tuning-cache.js";

const choice = (threads: number, inThread = false, spins = true): CpuTuning => ({ threads, inThread, spins });
const measured = (one: CpuTuning, totalMs: number, longestRunMs = 1): MeasuredTuning => {
  return { choice: one, totalMs, longestRunMs };
};

let root: string;
const before = process.env.XDG_CACHE_HOME;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-kept-"));
  process.env.XDG_CACHE_HOME = join(root, "cache");
  await mkdir(join(root, "model"));
  await writeModel(1000);
});
afterEach(async () => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  await rm(root, { recursive: true });
});

async function writeModel(parameters: number): Promise<void> {
  await writeDeviceModel(join(root, "model"), {
    schemaVersion: 1,
    name: "m",
    architecture: "decoder-only",
    target: "cpu",
    scheme: "float32",
    parameters,
    graphs: { decoder: { file: "decoder.onnx", bytes: 1, scheme: "float32" } },
    vocabularySize: 8,
    decoderLayers: 1,
    kvHeads: 1,
    headDim: 2,
    maxSource: 4,
    maxTarget: 8,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
    flops: { encoderPerSourceToken: 0, decoderPerTargetToken: 1 },
  });
}

describe(candidates, () => {
  test("are one thread, half of the threads and all of them, in the caller and in a worker, with and without spinning", () => {
    expect(candidates(1)).toEqual([choice(1), choice(1, true)]);
    expect(candidates(2)).toHaveLength(2 + 4);
    expect(new Set(candidates(8).map(({ threads }) => threads))).toEqual(new Set([1, 4, 8]));
  });
});

describe(fastest, () => {
  test("is in the calling thread only if no run blocks it", () => {
    const worker = measured(choice(2), 5, 30);
    expect(fastest([worker, measured(choice(1, true), 3, 4)])).toEqual(choice(1, true));
    expect(fastest([worker, measured(choice(1, true), 3, 11)])).toEqual(choice(2));
    expect(() => fastest([measured(choice(1, true), 3, 11)])).toThrow(RangeError);
  });
});

describe(tune, () => {
  const progress = (): void => undefined;

  test("measures every candidate once, and stores the fastest for this model on this machine", async () => {
    const directory = join(root, "model");
    expect(await readTuning(directory)).toBeUndefined();
    const tried: CpuTuning[] = [];
    const measure = (_: string, one: CpuTuning): Promise<MeasuredTuning> => {
      tried.push(one);
      return Promise.resolve(measured(one, one.threads === 1 && !one.inThread ? 1 : 2));
    };
    const kept = await tune({ directory, progress, measure });
    expect(kept.choice).toEqual(choice(1));
    expect(kept.measured.map((one) => one.choice)).toEqual(tried);
    expect(await readTuning(directory)).toEqual(kept);
    await writeModel(2000);
    expect(await readTuning(directory)).toBeUndefined();
  });

  test("rejects a corrupt file by name", async () => {
    const measure = (_: string, one: CpuTuning): Promise<MeasuredTuning> => Promise.resolve(measured(one, 1));
    await tune({ directory: join(root, "model"), progress, measure });
    const folder = join(root, "cache", "slm", "settings");
    const [file] = await readdir(folder);
    await writeFile(join(folder, file!), "{}");
    await expect(readTuning(join(root, "model"))).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});

describe(optionsOf, () => {
  test("turns spinning off by name, and otherwise keeps ONNX Runtime's default", () => {
    expect(optionsOf(choice(2, false, false))).toEqual({
      threads: 2,
      inThread: false,
      settings: { "session.intra_op.allow_spinning": "0" },
    });
    expect(optionsOf(choice(1, true))).toEqual({ threads: 1, inThread: true });
  });
});
