/**
 * Loads ONNX files into onnxruntime-node's WebGPU provider and runs each once, which compiles its shaders: a JSON line {"path"} on stdin, a
 * JSON line {"error"?} on stdout. What was placed where is in ONNX Runtime's own words on stderr (`placementsIn` reads them).
 */
import { createInterface } from "node:readline";
import ort from "onnxruntime-node";

/** Small whole numbers, which are valid indices and sizes wherever any are. */
function randomInput(/** @type {ort.InferenceSession.ValueMetadata} */ { type, shape }) {
  const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
  const count = sizes.reduce((all, size) => all * size, 1);
  const numbers = Array.from({ length: count }, (_, index) => (index * 7) % 2);
  const Numbers = ARRAYS[type];
  if (Numbers === undefined) throw new Error(`no random input of ${type}`);
  return new ort.Tensor(
    type,
    Numbers.from(type.endsWith("64") && type !== "float64" ? numbers.map(BigInt) : numbers),
    sizes,
  );
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};

const firstLine = (error) =>
  String(error.message ?? error)
    .split("\n")[0]
    .slice(0, 300);

async function compile(path) {
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
  let answer = {};
  try {
    await compile(JSON.parse(line).path);
  } catch (error) {
    answer = { error: firstLine(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
