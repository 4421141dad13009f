import { expect, test } from "vitest";
import { missingLibrary } from "./missing-library.js";

test.each([
  [
    "Failed to load library /p/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or directory",
    "libcublasLt.so.13 of CUDA 13 (PyPI: nvidia-cublas) was not found",
  ],
  [
    "libcuda.so.1: cannot open shared object file: No such file or directory",
    "libcuda.so.1 of NVIDIA's driver was not found",
  ],
  [
    "libcudnn.so.9: cannot open shared object file",
    "libcudnn.so.9 of cuDNN 9 (PyPI: nvidia-cudnn-cu13) was not found",
  ],
  ["libmine.so.1: cannot open shared object file", undefined],
  ["undefined symbol: OrtGetApiBase", undefined],
])("'%s' says what is missing", (message, expected) => {
  expect(missingLibrary(message)).toBe(expected);
});
