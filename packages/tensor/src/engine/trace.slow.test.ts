import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { math } from "../math.js";
import { kernels } from "../recording/kernels.js";
import { KERNEL_CASES } from "../test-support/kernel-cases.test-support.js";
import { forwardProgram } from "../test-support/gradient-program.test-support.js";
import { tf, type Tensor } from "../recording/tf.js";
import { createEagerEngine } from "./eager-engine.js";
import type { ProgramDefinition } from "./program.js";
import { traceProgram } from "./trace.js";

function thrownBy(body: () => unknown): SlmError {
  try {
    body();
  } catch (error) {
    if (error instanceof SlmError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const matrix = { dtype: "float32", shape: [2, 3] } as const;

const program = (build: (x: Tensor) => Tensor): ProgramDefinition => ({
  name: "case",
  inputs: { x: matrix },
  build: ({ x }) => ({ out: build(x!) }),
});

describe("every kernel that a program may use", () => {
  test("has a case that exercises it", () => {
    expect(Object.keys(KERNEL_CASES).sort()).toEqual(Object.keys(kernels).sort());
  });

  const cases = Object.entries(KERNEL_CASES).flatMap(([kernel, list]) =>
    list.map((opCase) => ({ kernel, opCase, label: opCase.name })),
  );

  test.each(cases)("is recorded with the shape it has when run: $kernel, $label", async ({ opCase }) => {
    const definition = forwardProgram(opCase);
    const engine = await createEagerEngine("js");
    const { fetched } = await (
      await engine.compile(definition)
    ).run({ feeds: opCase.inputs, fetch: ["out"] });
    const recorded = traceProgram(definition).outputs.map(({ name, shape, dtype }) => ({
      name,
      shape,
      dtype,
    }));
    expect(recorded).toEqual([{ name: "out", shape: fetched["out"]!.shape, dtype: "float32" }]);
  });
});

describe(traceProgram, () => {
  test("rejects a kernel without an ONNX form by name", () => {
    const error = thrownBy(() => traceProgram(program((x) => tf.cos(x))));
    expect(error.code).toBe("OP_UNSUPPORTED");
    expect(error.message).toContain("Cos");
  });

  test("rejects a program that branches on a value, by name", () => {
    const error = thrownBy(() => traceProgram(program((x) => (x.dataSync()[0]! > 0 ? x : tf.neg(x)))));
    expect(error.code).toBe("OP_UNSUPPORTED");
    expect(error.message).toContain("branch on the value of 'x'");
  });

  test("rejects a tensor made outside the trace", async () => {
    await tf.setBackend("cpu");
    const outside = tf.tensor([[1, 2, 3]]);
    expect(thrownBy(() => traceProgram(program((x) => tf.add(x, outside)))).code).toBe("UNEXPECTED");
  });

  test("traces again after a trace that failed", () => {
    thrownBy(() => traceProgram(program((x) => tf.cos(x))));
    expect(traceProgram(program((x) => tf.exp(x))).nodes.map(({ opType }) => opType)).toEqual(["Exp"]);
  });

  test("leaves the backend that was active active", async () => {
    await tf.setBackend("cpu");
    traceProgram(program((x) => tf.exp(x)));
    expect(tf.getBackend()).toBe("cpu");
  });
});

describe("an output written over an input", () => {
  const state = { dtype: "float32", shape: [4] } as const;

  test("is rejected when a reader of the input may come after the write", () => {
    const definition: ProgramDefinition = {
      name: "step",
      inputs: { state },
      inPlace: { next: "state" },
      build: ({ state: old }) => ({ next: math.mul(old!, 0.5), total: math.sum(math.square(old!)) }),
    };
    expect(thrownBy(() => traceProgram(definition)).message).toContain("state");
  });

  test("is rejected when shapes differ", () => {
    const definition: ProgramDefinition = {
      name: "step",
      inputs: { state },
      inPlace: { next: "state" },
      build: ({ state: old }) => ({ next: math.sum(old!) }),
    };
    expect(thrownBy(() => traceProgram(definition)).code).toBe("SHAPE_MISMATCH");
  });
});

test("a large constant of one value is not stored in the graph", () => {
  const graph = traceProgram({
    name: "fill",
    inputs: { x: { dtype: "float32", shape: [1000] } },
    build: ({ x }) => ({ out: tf.add(x!, tf.fill([1000], 3)) }),
  });
  const sizes = [...graph.initializers.values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  expect(Math.max(...sizes)).toBeLessThan(10);
});
