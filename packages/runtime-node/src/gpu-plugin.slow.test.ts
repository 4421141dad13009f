import { profilesOf, type ProfileName } from "@slm/devices";
import { SlmError } from "@slm/core";
import { createHostTensor, type Fallback, type RuntimeDevice } from "@slm/runtime";
import { MemoryRuntime } from "@slm/runtime/testing";
import { describe, expect, test } from "vitest";
import { createGpuRuntime } from "./gpu-runtime.js";
import type { OpenPlugin } from "./open-first.js";

const PROFILES: readonly ProfileName[] = profilesOf("gpu");

/** A device that a plug-in provides. */
class PluginDevice extends MemoryRuntime {
  override readonly device: RuntimeDevice;

  /** @param product its result for 2 * 3 + 7 * 5 */
  constructor(
    { provider, simulated = false, fallbacks = [] }: Partial<RuntimeDevice> & { provider: string },
    product = 41,
  ) {
    const y = createHostTensor("float32", [1, 1], Float32Array.of(product));
    super({ probe: () => ({ y }) });
    const description = `${simulated ? "a renderer" : "Example GPU"}, plug-in example 1.0`;
    this.device = { provider, threads: 1, description, simulated, fallbacks };
  }
}

/** A plug-in for one profile. It records the profiles that were requested. */
function pluginFor(
  profile: ProfileName,
  open: (tried: readonly Fallback[]) => PluginDevice,
): { readonly plugin: OpenPlugin; readonly asked: ProfileName[]; readonly opened: PluginDevice[] } {
  const asked: ProfileName[] = [];
  const opened: PluginDevice[] = [];
  const plugin: OpenPlugin = async ({ target, profile: wanted, fallbacks }) => {
    expect(target).toBe("gpu");
    asked.push(wanted);
    if (wanted !== profile) return undefined;
    // A plug-in answers later.
    await Promise.resolve();
    opened.push(open(fallbacks));
    return opened.at(-1);
  };
  return { plugin, asked, opened };
}

const failing = (error: Error): OpenPlugin => {
  return ({ profile }) => (profile === "cuda" ? Promise.reject(error) : Promise.resolve(undefined));
};

describe("a GPU's plug-in", () => {
  test("is tried before onnxruntime-node, and nothing is tried after it if it computes", async () => {
    const { plugin, asked } = pluginFor(
      "cuda",
      (fallbacks) => new PluginDevice({ provider: "cuda", fallbacks }),
    );
    const runtime = await createGpuRuntime({ threads: 1 }, plugin);
    expect(runtime.device).toMatchObject({
      provider: "cuda",
      description: "Example GPU, plug-in example 1.0",
      fallbacks: [],
    });
    expect(asked).toEqual(["cuda"]);
  });

  test("is tried after the earlier profiles, and reports their reasons", async () => {
    const { plugin, asked } = pluginFor(
      "directml",
      (fallbacks) => new PluginDevice({ provider: "directml", fallbacks }),
    );
    const runtime = await createGpuRuntime({ threads: 1 }, plugin);
    if (runtime.device.provider === "cuda") return; // This machine has an NVIDIA GPU.
    expect(asked).toEqual(PROFILES.slice(0, 2));
    expect(runtime.device.fallbacks).toEqual([{ device: "gpu:cuda", reason: expect.any(String) as string }]);
  });

  test.each([
    new SlmError("DEVICE_UNAVAILABLE", "plug-in example 1.0 lists no device on this machine"),
    new SlmError("DATA_INVALID", "plug-in example 1.0 cannot be used, corrupt"),
  ])("that fails is a reason, and onnxruntime-node is tried next: %s", async (error) => {
    const runtime = await createGpuRuntime({ threads: 1, profile: "cuda" }, failing(error));
    const { fallbacks } = runtime.device;
    await runtime.close();
    expect(fallbacks[0]).toEqual({ device: "gpu:cuda by plug-in", reason: error.message });
    const after = runtime.device.provider === "cpu" ? ["gpu:cuda"] : [];
    expect(fallbacks.slice(1).map(({ device }) => device)).toEqual(after);
  });

  test("that computes wrongly is closed", async () => {
    const { plugin, opened } = pluginFor("webgpu", () => new PluginDevice({ provider: "webgpu" }, 40));
    const runtime = await createGpuRuntime({ threads: 1, profile: "webgpu" }, plugin);
    await runtime.close();
    expect(runtime.device.fallbacks[0]).toEqual({
      device: "gpu:webgpu by plug-in",
      reason: "computes 2 * 3 + 7 * 5 as 40",
    });
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  test("that lists the CPU as its device computes only if its profile is named", async () => {
    const { plugin, opened } = pluginFor(
      "webgpu",
      () => new PluginDevice({ provider: "webgpu", simulated: true }),
    );
    const named = await createGpuRuntime({ threads: 1, profile: "webgpu" }, plugin);
    expect(named.device).toMatchObject({ provider: "webgpu", simulated: true });
    const unnamed = await createGpuRuntime({ threads: 1, profile: "webgpu", software: false }, plugin);
    await unnamed.close();
    expect(unnamed.device.fallbacks[0]).toEqual({
      device: "gpu:webgpu by plug-in",
      reason: expect.stringContaining("software (a renderer") as string,
    });
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([false, true]);
  });

  test("with an invalid request ends the call", async () => {
    const plugin = failing(new SlmError("USAGE", "threads must be a positive integer"));
    await expect(createGpuRuntime({}, plugin)).rejects.toMatchObject({ code: "USAGE" });
  });
});
