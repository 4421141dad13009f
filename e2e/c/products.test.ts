/** Products of quantized weights are equal, bit for bit, from every compiler and on every processor, at the largest numbers too. */
import { execFileSync } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { readKernels } from "@slm/c-export";
import { createRandom } from "@slm/generation";
import { beforeAll, expect, test } from "vitest";
import { packMatrix } from "../../packages/c-export/src/weights/pack-matrix.js";
import { BUILDS, STRICT } from "./builds.test-support.js";

const folder = temporaryFolder();
beforeAll(async () => {
  await writeFile(join(folder, "kernels.h"), await readKernels());
  await copyFile(join(import.meta.dirname, "products.c"), join(folder, "products.c"));
});

/** The largest activation. With it in a row, 1 is an activation of 1. */
const LARGEST = 8191;
const OUTPUTS = 21;
/** The codes of weights, and how many of their products are summed as integers. */
const FORMS = {
  int8: { lowest: -127, highest: 127, part: 2048 },
  int4: { lowest: -8, highest: 7, part: 32 },
};

interface Problem {
  readonly form: keyof typeof FORMS;
  readonly rows: number;
  readonly inputs: number;
  /** Every product is the largest there is. */
  readonly isExtreme?: boolean;
}

const PROBLEMS: readonly Problem[] = (["int8", "int4"] as const).flatMap((form) => [
  { form, rows: 1, inputs: 37 },
  { form, rows: 41, inputs: 37 },
  { form, rows: 1, inputs: 2053 },
  { form, rows: 3, inputs: 2053 },
  { form, rows: 7, inputs: 2048, isExtreme: true },
  { form, rows: 1, inputs: 2048, isExtreme: true },
]);

/** Whole numbers, so that results have no rounding but that of their last bits. */
function numbersOf({ form, rows, inputs, isExtreme = false }: Problem): {
  readonly x: Float32Array;
  readonly weights: Float32Array;
} {
  const random = createRandom(1);
  const { lowest, highest } = FORMS[form];
  const from = (low: number, high: number): number => low + Math.floor(random.next() * (high - low + 1));
  const x = Float32Array.from({ length: rows * inputs }, (_, at) =>
    isExtreme || at % inputs === 0 ? LARGEST : from(-LARGEST, LARGEST),
  );
  const weights = Float32Array.from({ length: OUTPUTS * inputs }, (_, at) =>
    isExtreme || (at % inputs) % FORMS[form].part === 0 ? lowest : from(lowest, highest),
  );
  return { x, weights };
}

function expected({ form, rows, inputs }: Problem, x: Float32Array, weights: Float32Array): number[] {
  return Array.from({ length: rows * OUTPUTS }, (_, at) => {
    const [row, output] = [Math.floor(at / OUTPUTS), at % OUTPUTS];
    let total = 0;
    for (let first = 0; first < inputs; first += FORMS[form].part) {
      let sum = 0;
      for (let input = first; input < Math.min(inputs, first + FORMS[form].part); input++)
        sum += x[row * inputs + input]! * weights[output * inputs + input]!;
      total = Math.fround(total + Math.fround(sum));
    }
    return total;
  });
}

const CASES = PROBLEMS.map((problem) => {
  const { form, rows, inputs } = problem;
  const { x, weights } = numbersOf(problem);
  const packed = packMatrix(weights, { outputs: OUTPUTS, inputs }, form);
  const input = [form === "int4" ? 1 : 0, rows, inputs, OUTPUTS, ...x, packed.byteLength, ...packed];
  return { problem, input: input.join(" "), products: expected(problem, x, weights) };
});

test.each(Object.entries(BUILDS))("%s", (_, { compiler, flags, emulator = [] }) => {
  const options = { cwd: folder, encoding: "utf8" } as const;
  execFileSync(compiler, [...STRICT, ...flags, "products.c", "-o", "products", "-lm"], options);
  const [program, ...rest] = [...emulator, "./products"];
  for (const { problem, input, products } of CASES) {
    const output = execFileSync(program, rest, { ...options, input });
    expect(output.trim().split(" ").map(Number), JSON.stringify(problem)).toEqual(products);
  }
});
