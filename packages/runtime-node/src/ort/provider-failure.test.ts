import { describe, expect, test } from "vitest";
import { providerFailure } from "./provider-failure.js";

const DAWN =
  "doctor: cannot load graph 'probe': /onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 " +
  "onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> " +
  "adapter_result.status == wgpu::RequestAdapterStatus::Success was false. ";

/** The first line of a failure of DirectML under Wine 8. */
const DIRECTML = String.raw`doctor: cannot load graph 'probe': N:\_work\1\s\onnxruntime\core\providers\dml\dml_provider_factory.cc(512)\onnxruntime.dll!0000000007FBCBD0: (caller: 0000000007FBCF0A) Exception(1) tid(140) 887A0004 `;

describe(providerFailure, () => {
  test("reports what is missing if a library's message is known", () => {
    const message = `${DAWN}Failed to get a WebGPU adapter: No supported adapters`;
    expect(providerFailure(new Error(message))).toBe(
      "finds no graphics adapter; it needs a GPU with its vendor's driver for Vulkan (Linux) or Direct3D 12 (Windows)",
    );
    expect(providerFailure(new Error(DIRECTML))).toBe(
      "finds no graphics adapter; it needs a GPU with its vendor's driver for Direct3D 12",
    );
    const cuda = "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library";
    expect(providerFailure(new Error(`x: cannot load graph 'probe': ${cuda}`))).toContain("NVIDIA GPU");
  });

  test("leaves of another message the library's words, without its source and ours", () => {
    expect(providerFailure(new Error(`${DAWN}The device was lost\nat line 2`))).toBe("The device was lost");
    const cuda = DIRECTML.replaceAll("dml", "cuda");
    expect(providerFailure(cuda)).toBe("Exception(1) tid(140) 887A0004");
    expect(providerFailure("the driver is too old")).toBe("the driver is too old");
  });
});
