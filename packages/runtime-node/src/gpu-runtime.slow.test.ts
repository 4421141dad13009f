import { profilesOf } from "@slm/devices";
import { describeGreedyLoop } from "@slm/generation/testing";
import { describeRuntime } from "@slm/runtime/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Runtime } from "@slm/runtime";
import { createGpuRuntime } from "./gpu-runtime.js";
import type { OpenPlugin } from "./open-first.js";

/** In the order in which they are tried. */
const PROFILES = profilesOf("gpu");

/** Plug-ins of this machine's user are ignored; gpu-plugin.test.ts tests them. */
const noPlugin: OpenPlugin = () => Promise.resolve(undefined);

// A GPU if there is one; otherwise the fallback, which must pass the same tests.
describeRuntime("the GPU runtime, or its fallback", () => createGpuRuntime({ threads: 1 }));
describeGreedyLoop("the GPU runtime, or its fallback", () => createGpuRuntime({ threads: 1 }));

describe(createGpuRuntime, () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createGpuRuntime({ threads: 1 }, noPlugin);
  });
  afterAll(async () => {
    await runtime.close();
  });

  test("reports the device that computes, and why every profile tried before does not", () => {
    const { provider, simulated, fallbacks } = runtime.device;
    expect(simulated).toBe(false);
    const tried = fallbacks.map(({ device }) => device);
    expect(tried).toEqual(PROFILES.slice(0, tried.length).map((name) => `gpu:${name}`));
    expect(provider === "cpu").toBe(tried.length === PROFILES.length);
  });

  test("is rejected without a fallback exactly where the fallback computed, with the same reasons", async () => {
    const { provider, fallbacks } = runtime.device;
    const strict = createGpuRuntime({ threads: 1, fallback: false }, noPlugin);
    if (provider !== "cpu") {
      await (await strict).close();
      return;
    }
    await expect(strict).rejects.toMatchObject({ code: "DEVICE_UNAVAILABLE", context: { fallbacks } });
  });

  test("rejects a profile it does not know", async () => {
    await expect(createGpuRuntime({ profile: "voodoo" })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("cuda, directml, coreml, webgpu") as string,
    });
  });
});
