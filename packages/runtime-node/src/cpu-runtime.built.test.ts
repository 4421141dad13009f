import { describeGreedyLoop } from "@slm/generation/testing";
import { describeRuntime } from "@slm/runtime/contract";
import { describe, expect, test } from "vitest";
import { createCpuRuntime } from "./cpu-runtime.js";
import { REINSTALL } from "@slm/core";
import { loadBinding } from "./ort/ort-binding.js";

describeRuntime("the CPU runtime in a worker", () => createCpuRuntime({ threads: 2 }));
describeRuntime("the CPU runtime in this thread", () => createCpuRuntime({ threads: 1, inThread: true }));
describeGreedyLoop("the CPU runtime in a worker", () => createCpuRuntime({ threads: 2 }));
describeGreedyLoop("the CPU runtime in this thread", () => createCpuRuntime({ threads: 1, inThread: true }));

describe(createCpuRuntime, () => {
  test("reports the device it runs on", async () => {
    const runtime = await createCpuRuntime({ threads: 2 });
    expect(runtime.device).toMatchObject({ provider: "cpu", threads: 2, simulated: false });
    expect(runtime.device.description).not.toBe("");
    await runtime.close();
  });

  test.each([0, 1.5, Number.NaN])("rejects %d threads", async (threads) => {
    await expect(createCpuRuntime({ threads })).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe(loadBinding, () => {
  test("explains how to install ONNX Runtime if it is missing", async () => {
    const missing = (): Promise<never> => Promise.reject(new Error("Cannot find package 'onnxruntime-node'"));
    await expect(loadBinding(missing)).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      suggestions: [REINSTALL],
    });
  });
});
