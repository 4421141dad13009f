import { withCode } from "@slm/core/testing";
import { GraphBuilder } from "@slm/onnx";
import { createHostTensor, fromHalf } from "@slm/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FLOAT_BYTES, roundToBfloat16 } from "./float-bits.js";
import { transpose, WeightStore } from "./weight-store.js";

const shape = [32, 16];
const values = Float32Array.from({ length: 512 }, (_, index) => index / 8);
const weights = new Map([["w", createHostTensor("float32", shape, values)]]);

describe(WeightStore, () => {
  const request = { name: "w", shape, layout: "transposed" } as const;

  test("defers the content of a weight until it is written", () => {
    const deferred = new WeightStore(weights, { precision: "float16", deferred: true });
    const stored = new WeightStore(weights, { precision: "float16", deferred: false });
    const bytes = deferred.bytes(request);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    const { builder, name } = graphOf(bytes);
    const initializer = builder.build().initializers.get(name)!;
    expect(deferred.content(initializer)).toEqual(stored.bytes(request));
  });

  test("gives graphs that ask for the same weight the same bytes, and other bytes for another layout", () => {
    const store = new WeightStore(weights, { precision: "float32", deferred: true });
    expect(store.bytes(request)).toBe(store.bytes({ ...request }));
    expect(store.bytes({ ...request, layout: "as-stored" })).not.toBe(store.bytes(request));
  });

  test("rejects a weight of another shape, and an unknown one", () => {
    const store = new WeightStore(weights, { precision: "float32", deferred: false });
    expect(() => store.bytes({ ...request, shape: [16, 32] })).toThrow(withCode("SHAPE_MISMATCH"));
    expect(() => store.bytes({ ...request, name: "v" })).toThrow(withCode("UNEXPECTED"));
  });

  function graphOf(bytes: Uint8Array): { builder: GraphBuilder; name: string } {
    const builder = new GraphBuilder("test");
    const name = builder.initializer("w", "float16", [16, 32], bytes);
    builder.output("y", builder.op("Identity", [name]), "float16", [16, 32]);
    return { builder, name };
  }
});

describe(transpose, () => {
  test("puts element (row, column) at (column, row)", () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, (rows, columns) => {
        const numbers = Float32Array.from({ length: rows * columns }, (_, index) => index);
        const turned = transpose(numbers, rows, columns);
        const expected = numbers.map((_, index) => (index % rows) * columns + Math.floor(index / rows));
        expect(turned).toEqual(expected);
      }),
    );
  });
});

describe("FLOAT_BYTES", () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -60_000, max: 60_000 });

  test("rounds to float16 and bfloat16 by at most half a step", () => {
    fc.assert(
      fc.property(finite, (value) => {
        const one = Float32Array.of(value);
        const half = fromHalf(new DataView(FLOAT_BYTES.float16(one, "w").buffer).getUint16(0, true));
        expect(Math.abs(half - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25));
        const brain = roundToBfloat16(one)[0]!;
        expect(Math.abs(brain - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -8, 2 ** -133));
      }),
    );
  });

  test.each([65_520, -1e9, Number.NaN, Number.POSITIVE_INFINITY])(
    "rejects %d in float16, naming the weight",
    (value) => {
      expect(() => FLOAT_BYTES.float16(Float32Array.of(value), "layer.weight")).toThrow(
        withCode("DATA_INVALID"),
      );
    },
  );
});
