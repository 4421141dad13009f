import { createEagerEngine, type ProgramDefinition } from "@slm/tensor";
import { createHostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { convolve } from "./convolution.js";

describe(convolve, () => {
  test("is a convolution with zeros around, as the loops of its definition compute it", async () => {
    const [grid, kernel, width, batch] = [{ height: 3, width: 4 }, { height: 3, width: 3 }, 2, 2];
    const tokens = grid.height * grid.width;
    const number = (seed: number): number => Math.sin(seed * 12.9898) * 2;
    const fill = (count: number, seed: number): Float32Array =>
      Float32Array.from({ length: count }, (_, i) => number(i + seed));
    const x = fill(batch * tokens * width, 1);
    const matrices = Array.from({ length: 9 }, (_, place) => fill(width * width, 100 * (place + 1)));
    const bias = fill(width, 7);
    const feeds = {
      x: createHostTensor("float32", [batch, tokens, width], x),
      "c.4.bias": createHostTensor("float32", [width], bias),
      ...Object.fromEntries(
        matrices.map((values, place) => [
          `c.${place}.weight`,
          createHostTensor("float32", [width, width], values),
        ]),
      ),
    };
    const inputs: ProgramDefinition["inputs"] = Object.fromEntries(
      Object.entries(feeds).map(([name, { shape }]) => [name, { dtype: "float32", shape } as const]),
    );
    const engine = await createEagerEngine("js");
    const program = await engine.compile({
      name: "convolve",
      inputs,
      build: (given) => ({ y: convolve(given, "c", given["x"]!, grid, kernel) }),
    });
    const y = (await program.run({ feeds, fetch: ["y"] })).fetched["y"]!.data as Float32Array;
    for (let b = 0; b < batch; b++)
      for (let row = 0; row < grid.height; row++)
        for (let column = 0; column < grid.width; column++)
          for (let out = 0; out < width; out++) {
            let sum = bias[out]!;
            for (let place = 0; place < 9; place++) {
              const [r, c] = [row + Math.floor(place / 3) - 1, column + (place % 3) - 1];
              if (r < 0 || c < 0 || r >= grid.height || c >= grid.width) continue;
              for (let i = 0; i < width; i++)
                sum += matrices[place]![out * width + i]! * x[(b * tokens + r * grid.width + c) * width + i]!;
            }
            const at = (b * tokens + row * grid.width + column) * width + out;
            expect(y[at]).toBeCloseTo(sum, 4);
          }
  });
});
