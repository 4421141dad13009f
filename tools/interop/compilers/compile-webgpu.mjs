/**
 * Loads ONNX files into onnxruntime-node's WebGPU provider and runs each once, which compiles its shaders. Reads a JSON line {"path"} per
 * file from stdin and writes a JSON line {"error"?} to stdout. ONNX Runtime logs the placement of nodes to stderr (`placementsIn` reads
 * it).
 */
import { createInterface } from "node:readline";
import ort from "onnxruntime-node";

/** Small whole numbers, because they are valid as indices and sizes, too. */
function randomInput(/** @type {ort.InferenceSession.ValueMetadata} */ input) {
  if (!input.isTensor) throw new Error("random inputs must be tensors");
  const { type, shape } = input;
  const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
  const count = sizes.reduce((all, size) => all * size, 1);
  const numbers = Array.from({ length: count }, (_, index) => (index * 7) % 2);
  const make = ARRAYS[type];
  if (make === undefined) throw new Error(`no random input of ${type}`);
  return make(numbers, sizes);
}

/** @type {Readonly<Record<string, (numbers: number[], sizes: number[]) => ort.Tensor>>} */
const ARRAYS = {
  float32: (numbers, sizes) => new ort.Tensor("float32", Float32Array.from(numbers), sizes),
  float64: (numbers, sizes) => new ort.Tensor("float64", Float64Array.from(numbers), sizes),
  float16: (numbers, sizes) => new ort.Tensor("float16", Uint16Array.from(numbers), sizes),
  bool: (numbers, sizes) => new ort.Tensor("bool", Uint8Array.from(numbers), sizes),
  int8: (numbers, sizes) => new ort.Tensor("int8", Int8Array.from(numbers), sizes),
  uint8: (numbers, sizes) => new ort.Tensor("uint8", Uint8Array.from(numbers), sizes),
  int16: (numbers, sizes) => new ort.Tensor("int16", Int16Array.from(numbers), sizes),
  uint16: (numbers, sizes) => new ort.Tensor("uint16", Uint16Array.from(numbers), sizes),
  int32: (numbers, sizes) => new ort.Tensor("int32", Int32Array.from(numbers), sizes),
  uint32: (numbers, sizes) => new ort.Tensor("uint32", Uint32Array.from(numbers), sizes),
  int64: (numbers, sizes) => new ort.Tensor("int64", BigInt64Array.from(numbers.map(BigInt)), sizes),
  uint64: (numbers, sizes) => new ort.Tensor("uint64", BigUint64Array.from(numbers.map(BigInt)), sizes),
};

const firstLine = (/** @type {unknown} */ error) =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1).join().slice(0, 300);

async function compile(/** @type {string} */ path) {
  const session = await ort.InferenceSession.create(path, {
    executionProviders: ["webgpu"],
    logSeverityLevel: 0,
    logVerbosityLevel: 0,
    intraOpNumThreads: 1,
  });
  try {
    await session.run(
      Object.fromEntries(session.inputMetadata.map((input) => [input.name, randomInput(input)])),
    );
  } finally {
    await session.release();
  }
}

process.stdout.write(`${JSON.stringify({ ready: "webgpu" })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  /** @type {{ error?: string }} */
  let answer = {};
  try {
    await compile(JSON.parse(line).path);
  } catch (error) {
    answer = { error: firstLine(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
