import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { traceProgram } from "../engine/trace.js";
import { tf, type Tensor } from "../recording/tf.js";
import { dropout, withDropout } from "./dropout.js";

await tf.setBackend("cpu");

const valuesOf = (tensor: Tensor): number[] => [...tensor.dataSync()];
const x = tf.tensor1d([1, 2, 3, 4]);
const mask = (...values: number[]): Tensor => tf.tensor1d(values);

function thrownBy(body: () => unknown): SlmError {
  try {
    body();
  } catch (error) {
    if (error instanceof SlmError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe(dropout, () => {
  test("outside of withDropout returns its input and records nothing", () => {
    expect(dropout(x)).toBe(x);
    const graph = traceProgram({
      name: "plain",
      inputs: { x: { dtype: "float32", shape: [4] } },
      build: (inputs) => ({ out: tf.exp(dropout(inputs["x"]!)) }),
    });
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Exp"]);
  });

  test("inside multiplies by the masks in the order of its calls", () => {
    const [first, second] = withDropout([mask(2, 0, 0, 2), mask(0, 4, 4, 4)], () => [dropout(x), dropout(x)]);
    expect(valuesOf(first)).toEqual([2, 0, 0, 8]);
    expect(valuesOf(second)).toEqual([0, 8, 12, 16]);
  });
});

describe(withDropout, () => {
  test("rejects masks that are too few, left over, or of another shape", () => {
    const call = (masks: Tensor[], calls: number) => (): unknown =>
      withDropout(masks, () => Array.from({ length: calls }, () => dropout(x)));
    const one = mask(1, 1, 1, 1);
    for (const [body, message] of [
      [call([one], 2), "dropout: got 1 masks, but more are needed"],
      [call([one, one, one], 1), "dropout: got 3 masks, used 1"],
      [call([one, mask(1, 1)], 2), "dropout: mask 1 should be [4], got [2]"],
    ] as const) {
      const error = thrownBy(body);
      expect(error.code).toBe("UNEXPECTED");
      expect(error.message).toBe(message);
    }
  });

  test("rejects to be nested", () => {
    const error = thrownBy(() => withDropout([], () => withDropout([], () => 0)));
    expect(error.code).toBe("UNEXPECTED");
    expect(error.message).toContain("already in use");
  });

  test("is over after a failure inside it, which is passed on", () => {
    expect(() =>
      withDropout([mask(1)], () => {
        throw new RangeError("inside");
      }),
    ).toThrow(RangeError);
    expect(dropout(x)).toBe(x);
  });
});
