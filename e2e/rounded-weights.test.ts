/** The rounding of quantization-aware training, on every engine, is the rounding of the quantizer: bit for bit, with every method. */
import type { BlockSize } from "@slm/devices";
import {
  dequantizeBlocks,
  dequantizeInt8,
  quantizeBlocks,
  quantizeInt8PerChannel,
  type WeightMatrix,
} from "@slm/quantization";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import {
  createEagerEngine,
  createOnnxEngine,
  roundWeights,
  type Engine,
  type Tensor,
  type WeightGrid,
} from "@slm/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
});
afterAll(() => runtime.close());

const ENGINES: Readonly<Record<string, () => Promise<Engine>>> = {
  onnx: () => Promise.resolve(createOnnxEngine(runtime)),
  js: () => createEagerEngine("js"),
};

const OUTPUTS = 48;
const INPUTS = 128;

/** Weights of different sizes per row, with rows and blocks of zeros. */
function weights(): Float32Array {
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length: OUTPUTS * INPUTS }, (_, at) => {
    const output = Math.floor(at / INPUTS);
    const isZero = output === 3 || (output === 4 && at % INPUTS < 32);
    return isZero ? 0 : (next() + next() + next()) * 10 ** ((output % 9) - 5);
  });
}

async function rounded(engine: Engine, grid: WeightGrid): Promise<WeightMatrix> {
  const shape = [OUTPUTS, INPUTS];
  const program = await engine.compile({
    name: "round",
    forwardOnly: true,
    inputs: { w: { dtype: "float32", shape } },
    build: (x): Record<string, Tensor> => ({ y: roundWeights(x["w"]!, grid) }),
  });
  const feeds = { w: createHostTensor("float32", shape, weights()) };
  const { fetched } = await program.run({ feeds, fetch: ["y"] });
  await program.release();
  const values = fetched["y"]!.data as Float32Array;
  return { values: values.slice(), inputs: INPUTS, outputs: OUTPUTS, layout: "outputs-first" };
}

/** Zero has no sign here: the quantizer does not store it. */
const numbers = ({ values }: WeightMatrix): number[] => Array.from(values, (value) => value + 0);

/** The Gram matrix of correlated inputs. */
function gram(): Float64Array {
  const values = new Float64Array(INPUTS * INPUTS);
  for (let row = 0; row < INPUTS; row += 1)
    for (let column = 0; column < INPUTS; column += 1)
      values[row * INPUTS + column] = Math.exp(-Math.abs(row - column) / 4);
  return values;
}

describe.each(Object.keys(ENGINES))("weights rounded on engine %s", (engine) => {
  const sizes: readonly (readonly [2 | 4 | 8, BlockSize])[] = [
    [2, 32],
    [2, 128],
    [4, 32],
    [4, 64],
    [8, 32],
  ];
  test.each(sizes)("stay the same when quantized to %i bits in blocks of %i", async (bits, blockSize) => {
    const matrix = await rounded(await ENGINES[engine]!(), { kind: "blocks", bits, blockSize });
    const settings = [
      { method: "search" as const },
      ...(bits === 8 ? [] : [{ method: "gptq" as const, gram: { size: INPUTS, values: gram() } }]),
    ];
    for (const setting of settings) {
      const quantized = quantizeBlocks(matrix, { bits, blockSize, ...setting });
      expect(quantized.relativeError).toBe(0);
      expect(numbers(dequantizeBlocks(quantized))).toEqual(numbers(matrix));
    }
  });

  test("stay the same when quantized to 7 bits with a scale per output", async () => {
    const matrix = await rounded(await ENGINES[engine]!(), { kind: "outputs" });
    const quantized = quantizeInt8PerChannel(matrix, { reduceRange: true });
    expect(numbers(dequantizeInt8(quantized))).toEqual(numbers(matrix));
  });
});

test("engines round to the same bits", async () => {
  const grid = { kind: "blocks", bits: 2, blockSize: 32 } as const;
  const [onnx, js] = await Promise.all(
    ["onnx", "js"].map(async (name) => rounded(await ENGINES[name]!(), grid)),
  );
  expect(numbers(onnx!)).toEqual(numbers(js!));
});
