import { profilesOf } from "@slm/devices";
import { describeGreedyLoop } from "@slm/generation/testing";
import { describeRuntime } from "@slm/runtime/contract";
import { describe, expect, test } from "vitest";
import { createNpuRuntime } from "./npu-runtime.js";

/** In the order in which they are tried. */
const PROFILES = profilesOf("npu");

describeRuntime("the simulation of an NPU", () =>
  createNpuRuntime({ profile: "qnn", threads: 1, simulate: true }),
);
describeGreedyLoop("the simulation of an NPU", () =>
  createNpuRuntime({ profile: "qnn", threads: 1, simulate: true }),
);

describe(createNpuRuntime, () => {
  test("reports a simulation wherever it reports the device", async () => {
    const runtime = await createNpuRuntime({ profile: "vitisai", threads: 1, simulate: true });
    expect(runtime.device).toMatchObject({
      provider: "vitisai",
      simulated: true,
      description: expect.stringMatching(/^vitisai simulated on /) as string,
      fallbacks: [],
    });
    await runtime.close();
  });

  test("simulates where no NPU computes, with the reason, and is rejected there without a fallback", async () => {
    // onnxruntime-node does not include OpenVINO on any platform.
    const runtime = await createNpuRuntime({ profile: "openvino", threads: 1 });
    const { simulated, fallbacks } = runtime.device;
    await runtime.close();
    expect(simulated).toBe(true);
    expect(fallbacks).toEqual([
      { device: "npu:openvino", reason: expect.stringContaining("needs a plug-in") as string },
    ]);
    await expect(createNpuRuntime({ profile: "openvino", fallback: false })).rejects.toMatchObject({
      code: "DEVICE_UNAVAILABLE",
      context: { fallbacks },
    });
  });

  test("tries every profile if none is named", async () => {
    const runtime = await createNpuRuntime({ threads: 1 });
    const tried = runtime.device.fallbacks.map(({ device }) => device);
    await runtime.close();
    expect(tried).toEqual(PROFILES.slice(0, tried.length).map((name) => `npu:${name}`));
    expect(runtime.device.simulated).toBe(tried.length === PROFILES.length);
  });

  test("rejects a profile it does not know", async () => {
    await expect(createNpuRuntime({ profile: "abacus" })).rejects.toMatchObject({ code: "USAGE" });
  });
});
