import { SlmError } from "@slm/core/errors";
import { expect, test } from "vitest";
import { chooseEngine, engineLine, type EngineRequest } from "./engine.js";
import { filesOfEngine } from "./engine-files.js";

type Described = Parameters<typeof chooseEngine>[0];

const form = { file: "portable.int8.bin", bytes: 1, weights: "int8" } as const;
const graphs = { decoder: { file: "decoder.onnx", bytes: 1, scheme: "float32" } };
const small: Described = { name: "small", target: "cpu", parameters: 600_000, graphs, portable: [form] };
const large: Described = { ...small, parameters: 60_000_000 };
const engineOf = (model: Described, request?: EngineRequest): string => chooseEngine(model, request).engine;

test("small models run in WebAssembly, large ones on ONNX Runtime", () => {
  expect(engineOf(small)).toBe("wasm");
  expect(engineOf(small, { device: "cpu", threads: 1 })).toBe("wasm");
  expect(engineOf(large)).toBe("onnxruntime");
});

test("texts that are answered together run in WebAssembly only for the smallest models", () => {
  const middle = { ...small, parameters: 3_000_000 };
  expect(engineOf(middle)).toBe("wasm");
  expect(chooseEngine(middle, { inBatches: true })).toEqual({
    engine: "onnxruntime",
    reason:
      "models above 1M parameters answer many texts together faster on it; this one has 3.0M parameters",
  });
  expect(engineOf(small, { inBatches: true })).toBe("wasm");
});

test("a page runs every portable form in WebAssembly", () => {
  expect(engineOf({ ...large, target: "web" })).toBe("wasm");
  expect(engineOf(large, { inBrowser: true })).toBe("wasm");
  expect(engineOf({ ...large, target: "web" }, { device: "gpu" })).toBe("onnxruntime");
});

test("other devices, several threads and models without a form run on ONNX Runtime", () => {
  expect(engineOf(small, { device: "gpu" })).toBe("onnxruntime");
  expect(engineOf(small, { threads: 4 })).toBe("onnxruntime");
  expect(chooseEngine({ ...small, portable: undefined, noPortable: "it reads images" })).toEqual({
    engine: "onnxruntime",
    reason: "it reads images",
  });
});

test("an engine that was requested is used, or refused", () => {
  expect(engineOf(large, { engine: "wasm" })).toBe("wasm");
  expect(engineOf(small, { engine: "onnxruntime" })).toBe("onnxruntime");
  expect(() => chooseEngine({ ...small, portable: undefined }, { engine: "wasm" })).toThrow(SlmError);
  expect(engineLine(chooseEngine(small))).toMatch(/^engine wasm, 1 thread, because models of up to /);
});

test("a model without graphs runs in WebAssembly only", () => {
  const bare = { ...large, graphs: {} };
  expect(engineOf(bare, { threads: 4, inBatches: true })).toBe("wasm");
  expect(() => chooseEngine(bare, { engine: "onnxruntime" })).toThrow(SlmError);
  expect(() => chooseEngine(bare, { device: "gpu" })).toThrow(SlmError);
});

test("an engine reads the files of its own form only", () => {
  const paths = [
    "model.json",
    "tokenizer.json",
    "config.json",
    "decoder.onnx",
    "decoder.onnx.data",
    form.file,
  ];
  expect(filesOfEngine(small, paths, "wasm")).toEqual(["model.json", "tokenizer.json", form.file]);
  expect(filesOfEngine(small, paths, "onnxruntime")).toEqual(paths.filter((path) => path !== form.file));
});
