import { describe, expect, test } from "vitest";
import { NativeEnvironment, devicesOfLibrary } from "./environment.js";

const device = (name: string, metadata: Readonly<Record<string, string>>) => ({ name, metadata });

describe(devicesOfLibrary, () => {
  test("distinguishes a plug-in's device from a built-in one of the same name by its library", () => {
    const devices = [
      device("cpu", { version: "1.30.0" }),
      device("built in", { version: "1.30.0" }),
      device("plug-in", { library_path: "/plugins/webgpu/libwebgpu.so" }),
      device("another", { library_path: "/plugins/cuda/libcuda.so" }),
    ];
    const found = devicesOfLibrary(devices, "/plugins/webgpu/libwebgpu.so");
    expect(found.map(({ name }) => name)).toEqual(["plug-in"]);
    expect(devicesOfLibrary(devices, "/plugins/other/../webgpu/libwebgpu.so")).toHaveLength(1);
    expect(devicesOfLibrary(devices, "/plugins/webgpu/libother.so")).toEqual([]);
  });
});

describe(NativeEnvironment, () => {
  test("has no plug-in's devices without a plug-in, whatever ONNX Runtime itself lists", () => {
    const environment = new NativeEnvironment(undefined);
    expect(environment.devices).toEqual([]);
    expect(environment.chosenDevice()).toBeUndefined();
    environment.api.plain("ReleaseEnv", environment.address);
  });
});
