/** The roofline of a runtime: its MatMul rate and its memory read rate, from a short measurement. */
import { freemem } from "node:os";
import { GraphBuilder, encodeModel } from "@slm/onnx";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { z } from "zod";

export const machineRates = z.strictObject({
  productFlops: z
    .number()
    .positive()
    .describe("Rate of float32 products of large matrices; a multiply-add counts as two [FLOP/s]."),
  readBytes: z
    .number()
    .positive()
    .describe(
      "Memory read rate, measured with a matrix-vector product whose weights exceed the caches [bytes/s].",
    ),
});
export type MachineRates = z.infer<typeof machineRates>;

/** A product `[rows, inner] x [inner, columns]`. */
export interface ProductShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** Long enough to skip the first slow runs, short enough for `--dry-run` [ms]. */
const MEASURE_MS = 300;

/** Large enough to be compute-bound. */
const LARGE_PRODUCT: ProductShape = { rows: 512, inner: 1024, columns: 1024 };

/** Larger than the caches of current CPUs [bytes]. */
const READ_BYTES = 2 ** 28;
/** Fraction of the free memory that the weights may use: they are copied while loading. */
const READ_SHARE = 1 / 8;
const READ_INNER = 4096;

/**
 * Both rates of a runtime, with its number of threads.
 *
 * Source: Williams, Waterman, Patterson 2009, Roofline.
 */
export async function measureRates(runtime: Runtime): Promise<MachineRates> {
  const columns = Math.max(
    1,
    Math.floor(Math.min(READ_BYTES, freemem() * READ_SHARE) / Float32Array.BYTES_PER_ELEMENT / READ_INNER),
  );
  const vector: ProductShape = { rows: 1, inner: READ_INNER, columns };
  const productFlops = await productRate(runtime, LARGE_PRODUCT);
  const bytesPerFlop = Float32Array.BYTES_PER_ELEMENT / 2;
  return { productFlops, readBytes: bytesPerFlop * (await productRate(runtime, vector)) };
}

/**
 * Rate of float32 matrix products of a shape.
 *
 * Units: floating-point operations per second, a multiply-add counted as two.
 */
export async function productRate(runtime: Runtime, { rows, inner, columns }: ProductShape): Promise<number> {
  const builder = new GraphBuilder("product-rate");
  const x = builder.input("x", "float32", [rows, inner]);
  const weight = builder.input("w", "float32", [inner, columns]);
  builder.output("y", builder.op("MatMul", [x, weight]), "float32", [rows, columns]);
  const session = await runtime.load(
    { kind: "bytes", bytes: encodeModel(builder.build()) },
    { name: "product-rate" },
  );
  const upload = (shape: readonly number[]): ReturnType<Runtime["upload"]> => {
    return runtime.upload(createHostTensor("float32", shape, ramp(shape[0]! * shape[1]!)));
  };
  const [input, weights, output] = [
    await upload([rows, inner]),
    await upload([inner, columns]),
    await upload([rows, columns]),
  ];
  try {
    const seconds = await secondsOf(async () => {
      await session.run({ feeds: { x: input, w: weights }, into: { y: output } });
    });
    return (2 * rows * inner * columns) / seconds;
  } finally {
    await runtime.release([input, weights, output]);
    await session.release();
  }
}

/** Mean time of a run, after one warm-up run [seconds]. */
async function secondsOf(run: () => Promise<void>): Promise<number> {
  await run();
  const start = performance.now();
  let runs = 0;
  let elapsed = 0;
  while (elapsed < MEASURE_MS) {
    await run();
    runs += 1;
    elapsed = performance.now() - start;
  }
  return elapsed / 1000 / runs;
}

/** Values without zeros and denormals, which some CPUs treat differently. `Float32Array.from` takes 20 times as long. */
function ramp(length: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(length);
  for (let index = 0; index < length; index += 1) values[index] = ((index % 17) - 8.5) / 8;
  return values;
}
