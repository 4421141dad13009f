/** Compares the compiled engine with the eager one: every kernel, op and loss, forward and backward. */
import { createCpuRuntime } from "@slm/runtime-node";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { createEagerEngine, createOnnxEngine, type Engine, type ProgramDefinition } from "@slm/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  forwardProgram,
  gradientName,
  gradientProgram,
} from "../packages/tensor/src/test-support/gradient-program.test-support.js";
import { KERNEL_CASES } from "../packages/tensor/src/test-support/kernel-cases.test-support.js";
import {
  numbersOf,
  random,
  relativeDifference,
  uniform,
} from "../packages/tensor/src/test-support/numbers.test-support.js";
import { ALL_CASES } from "../packages/tensor/src/test-support/op-cases.test-support.js";
import { tf } from "../packages/tensor/src/recording/tf.js";

/** Both engines compute in float32 and differ only in the order of sums. */
const TOLERANCE = 1e-5;

let runtime: Runtime;
let onnx: Engine;
let js: Engine;

beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  onnx = createOnnxEngine(runtime);
  js = await createEagerEngine("js");
});

afterAll(() => runtime.close());

type Feeds = Readonly<Record<string, HostTensor>>;

async function runOn(
  engine: Engine,
  definition: ProgramDefinition,
  feeds: Feeds,
  fetch: readonly string[],
): Promise<Readonly<Record<string, HostTensor>>> {
  const program = await engine.compile(definition);
  const { fetched } = await program.run({ feeds, fetch });
  await program.release();
  return fetched;
}

async function expectSame(
  definition: ProgramDefinition,
  feeds: Feeds,
  fetch: readonly string[],
): Promise<void> {
  const expected = await runOn(js, definition, feeds, fetch);
  const actual = await runOn(onnx, definition, feeds, fetch);
  for (const name of fetch) {
    expect(actual[name]!.shape, name).toEqual(expected[name]!.shape);
    const difference = relativeDifference(numbersOf(actual[name]!), numbersOf(expected[name]!));
    expect(difference, name).toBeLessThan(TOLERANCE);
  }
}

describe("a compiled kernel equals the eager one", () => {
  const cases = Object.entries(KERNEL_CASES).flatMap(([kernel, list]) =>
    list.map((opCase) => ({ kernel, label: opCase.name, opCase })),
  );
  test.each(cases)("$kernel, $label", async ({ opCase }) => {
    await expectSame(forwardProgram(opCase), opCase.inputs, ["out"]);
  });
});

describe("a compiled op and its gradient equal the eager ones", () => {
  test.each(ALL_CASES)("$name", async (opCase) => {
    const forward = forwardProgram(opCase);
    await expectSame(forward, opCase.inputs, ["out"]);
    await expectSame({ ...forward, forwardOnly: true }, opCase.inputs, ["out"]);
    if (opCase.differentiable.length === 0) return;
    const { out } = await runOn(js, forward, opCase.inputs, ["out"]);
    const feeds = { ...opCase.inputs, probe: random(out!.shape, 99) };
    const names = ["out", ...opCase.differentiable.map(gradientName)];
    await expectSame(gradientProgram(opCase, out!.shape), feeds, names);
  });
});

describe("segment sum equals a double-precision loop, the same in 20 runs", () => {
  const rows = 2048;
  const width = 24;
  const patterns: Readonly<Record<string, (index: number, segments: number, next: () => number) => number>> =
    {
      "all ids equal": (_index, segments) => segments - 1,
      "ids distinct or cycling": (index, segments) => (index * 7919) % segments,
      "ids sorted": (index, segments) => Math.floor((index * segments) / rows),
      "ids sorted downwards": (index, segments) => Math.floor(((rows - 1 - index) * segments) / rows),
      "few ids over long runs": (index, segments) => Math.floor(index / 300) % segments,
      "ids zipf": (_index, segments, next) => Math.min(segments - 1, Math.floor(1 / (next() + 1e-9)) - 1),
      "ids uniform": (_index, segments, next) => Math.floor(next() * segments),
      "first and last id alternate": (index, segments) => (index % 2 === 0 ? 0 : segments - 1),
    };
  const cases = Object.keys(patterns).flatMap((label) =>
    [3, 512, 513, 8192].flatMap((segments) => [2048, 1999, 1].map((count) => ({ label, segments, count }))),
  );

  test.each(cases)("$label, $count rows into $segments", async ({ label, segments, count }) => {
    const next = uniform(7);
    const ids = Int32Array.from({ length: count }, (_, index) => patterns[label]!(index, segments, next));
    const x = random([count, width], 5);
    const program = await onnx.compile({
      name: "segment sum",
      inputs: {
        x: { dtype: "float32", shape: [count, width] },
        ids: { dtype: "int32", shape: [count] },
      },
      build: (inputs) => ({
        out: tf.unsortedSegmentSum(inputs["x"]!, tf.reshape(inputs["ids"]!, [count]), segments),
      }),
    });
    const expected = new Float64Array(segments * width);
    ids.forEach((id, row) => {
      for (let i = 0; i < width; i++) {
        const at = id * width + i;
        expected[at] = expected[at]! + Number(x.data[row * width + i]);
      }
    });
    const feeds = { x, ids: createHostTensor("int32", [count], ids) };
    const first = (await program.run({ feeds, fetch: ["out"] })).fetched["out"]!;
    expect(relativeDifference(numbersOf(first), expected)).toBeLessThan(TOLERANCE);
    for (let repeat = 1; repeat < 20; repeat++) {
      const again = (await program.run({ feeds, fetch: ["out"] })).fetched["out"]!;
      expect(Buffer.from(again.data.buffer).equals(Buffer.from(first.data.buffer))).toBe(true);
    }
    await program.release();
  });
});
