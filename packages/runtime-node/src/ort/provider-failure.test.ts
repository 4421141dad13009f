import { describe, expect, test } from "vitest";
import { providerFailure } from "./provider-failure.js";

const DAWN =
  "doctor: cannot load graph 'probe': /onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 " +
  "onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> " +
  "adapter_result.status == wgpu::RequestAdapterStatus::Success was false. ";

describe(providerFailure, () => {
  test("reports what is missing if a library's message is known", () => {
    const message = `${DAWN}Failed to get a WebGPU adapter: No supported adapters`;
    expect(providerFailure(new Error(message))).toBe(
      "finds no graphics adapter; on Linux it needs a GPU with a Vulkan driver",
    );
    const cuda = "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library";
    expect(providerFailure(new Error(`x: cannot load graph 'probe': ${cuda}`))).toContain("NVIDIA GPU");
  });

  test("leaves of another message the library's words, without its source and ours", () => {
    expect(providerFailure(new Error(`${DAWN}The device was lost\nat line 2`))).toBe("The device was lost");
    expect(providerFailure("the driver is too old")).toBe("the driver is too old");
  });
});
