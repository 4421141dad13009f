import { describe, expect, test } from "vitest";
import { describeAdapter, parseLoaderOutput } from "./webgpu-adapter.js";

/** As loader 1.4.364 prints it. */
const LOADER = `[Vulkan Loader] DRIVER:         Found ICD manifest file /usr/lib/chromium/vk_swiftshader_icd.json, version 1.0.0
[Vulkan Loader] DRIVER:         vkCreateDevice layer callstack setup to:
[Vulkan Loader] DRIVER:            <Device>
[Vulkan Loader] DRIVER:                Using "SwiftShader Device (Subzero)" with driver: "/usr/lib/chromium/libvk_swiftshader.so"
`;

describe(parseLoaderOutput, () => {
  test("finds the created device, and recognizes software by its driver", () => {
    expect(parseLoaderOutput(LOADER)).toEqual({
      name: "SwiftShader Device (Subzero)",
      driver: "/usr/lib/chromium/libvk_swiftshader.so",
      isSoftware: true,
    });
    // As loader 1.3.239 prints it.
    const lavapipe = 'DRIVER: Using "llvmpipe (LLVM 15.0.6, 256 bits)" with driver: "libvulkan_lvp.so"';
    expect(parseLoaderOutput(lavapipe)?.isSoftware).toBe(true);
  });

  test("takes the last of several devices, as a machine with a GPU and software lists them", () => {
    const gpu = `${LOADER}LAYER: Using "NVIDIA GeForce RTX 4070" with driver: "libGLX_nvidia.so.0"`;
    const adapter = parseLoaderOutput(gpu)!;
    expect(adapter).toMatchObject({ name: "NVIDIA GeForce RTX 4070", isSoftware: false });
    expect(describeAdapter(adapter)).toBe("NVIDIA GeForce RTX 4070");
  });

  test("finds nothing if the loader printed nothing", () => {
    expect(parseLoaderOutput("")).toBeUndefined();
    expect(parseLoaderOutput('Using "" with driver: ""')).toBeUndefined();
  });
});

test("software is called so wherever an adapter is described", () => {
  expect(describeAdapter(parseLoaderOutput(LOADER)!)).toBe("SwiftShader Device (Subzero) (software adapter)");
});
