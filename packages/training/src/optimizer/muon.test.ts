import { createRandom } from "@slm/generation";
import { createHostTensor } from "@slm/runtime";
import { createEagerEngine } from "@slm/tensor";
import { describe, expect, test } from "vitest";
import { orthogonalize } from "./muon.js";

const COUNT = 2;

async function orthogonalized(values: Float32Array, rows: number, columns: number): Promise<Float32Array> {
  const engine = await createEagerEngine("js");
  const shape = [COUNT, rows, columns];
  const program = await engine.compile({
    name: "orthogonalize",
    inputs: { x: { dtype: "float32", shape } },
    build: ({ x }) => ({ y: orthogonalize(x!) }),
  });
  const { fetched } = await program.run({
    feeds: { x: createHostTensor("float32", shape, values) },
    fetch: ["y"],
  });
  return fetched["y"]!.data as Float32Array;
}

/** Y·Yᵀ (or YᵀY for tall ones) of matrix `index` in a stack, row-major. */
function gramOf(stack: Float32Array, index: number, rows: number, columns: number): number[][] {
  const at = (r: number, c: number): number => stack[index * rows * columns + r * columns + c]!;
  const isTall = rows > columns;
  const [side, inner] = isTall ? [columns, rows] : [rows, columns];
  const value = (i: number, k: number): number => (isTall ? at(k, i) : at(i, k));
  return Array.from({ length: side }, (_, i) =>
    Array.from({ length: side }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += value(i, k) * value(j, k);
      return sum;
    }),
  );
}

const gaussians = (length: number, scale: number): Float32Array => {
  const { next } = createRandom(3);
  return Float32Array.from({ length }, () => scale * (next() + next() + next() - 1.5));
};

describe(orthogonalize, () => {
  test.each([
    [4, 12, 1],
    [12, 4, 1],
    [6, 6, 1e-4],
    [5, 9, 1e4],
  ])(
    "moves the singular values of %i x %i matrices scaled by %f close to one",
    async (rows, columns, scale) => {
      const result = await orthogonalized(gaussians(COUNT * rows * columns, scale), rows, columns);
      for (let index = 0; index < COUNT; index++) {
        const gram = gramOf(result, index, rows, columns);
        const trace = gram.reduce((sum, row, i) => sum + row[i]!, 0);
        // Squared singular values: their mean is between 0.7² and 1.3², and none of them is zero.
        expect(trace / gram.length).toBeGreaterThan(0.45);
        expect(trace / gram.length).toBeLessThan(1.6);
        gram.forEach((row, i) => {
          row.forEach((value, j) => {
            if (i !== j) expect(Math.abs(value)).toBeLessThan(0.5);
          });
        });
      }
    },
  );

  test("keeps directions: a scaled orthogonal matrix only loses its scale", async () => {
    const rotation = [0.6, -0.8, 0.8, 0.6];
    const result = await orthogonalized(
      Float32Array.from([...rotation, ...rotation], (x) => 7 * x),
      2,
      2,
    );
    const scale = result[0]! / 0.6;
    expect(scale).toBeGreaterThan(0.6);
    expect(scale).toBeLessThan(1.3);
    result.forEach((value, index) => {
      expect(value).toBeCloseTo(scale * rotation[index % 4]!, 5);
    });
  });

  test("of a zero gradient is zero", async () => {
    expect([...(await orthogonalized(new Float32Array(COUNT * 6), 2, 3))]).toEqual(
      new Array(COUNT * 6).fill(0),
    );
  });
});
