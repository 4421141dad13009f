import { readdir } from "node:fs/promises";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test, vi, type Mock } from "vitest";
import type { DeviceTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { measureStep } from "./measure-step.js";
import {
  copyObjective,
  copyPairs,
  copyRequest,
  copySettings,
} from "../test-support/copy-task.test-support.js";

const directory = temporaryFolder({ each: true });

/** Tracks which tensors are on the device. */
function watch(engine: Engine): { readonly held: ReadonlySet<DeviceTensor>; readonly uploads: Mock } {
  const held = new Set<DeviceTensor>();
  const [upload, release] = [engine.upload.bind(engine), engine.release.bind(engine)];
  const uploads = vi.spyOn(engine, "upload").mockImplementation(async (tensor) => {
    const uploaded = await upload(tensor);
    held.add(uploaded);
    return uploaded;
  });
  vi.spyOn(engine, "release").mockImplementation(async (tensors) => {
    for (const tensor of tensors) held.delete(tensor);
    await release(tensors);
  });
  return { held, uploads };
}

describe(measureStep, () => {
  test("takes steps of a run without running it: nothing stays on the device or on disk", async () => {
    const pairs = copyPairs(copySettings.batchSize, 1);
    const request = await copyRequest({ workDirectory: directory, pairs });
    const { held, uploads } = watch(request.engine);
    const time = await measureStep({ ...request, bucket: { source: 1, target: 4 } });
    expect(uploads).toHaveBeenCalled();
    expect(time.seconds).toBeGreaterThan(0);
    expect(time.compileSeconds).toBeGreaterThan(0);
    expect(held.size).toBe(0);
    await expect(readdir(directory)).resolves.toEqual([]);
  });

  test("a loss that is not a number is an error, as in a run", async () => {
    const pairs = copyPairs(copySettings.batchSize, 1);
    const request = await copyRequest({ workDirectory: directory, pairs });
    const settings = { ...copySettings, learningRate: 1e38, warmupSteps: 0 };
    const objective = copyObjective(pairs, copySettings.batchSize);
    await expect(
      measureStep({ ...request, settings, objective, bucket: { source: 1, target: 4 } }),
    ).rejects.toMatchObject({ code: "GATE_FAILED" });
  });
});
