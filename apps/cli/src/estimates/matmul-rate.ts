/** How fast this machine multiplies matrices, measured in a moment. */
import { GraphBuilder, encodeModel } from "@slm/graph";
import { createHostTensor } from "@slm/runtime";
import { withRuntime } from "../compute/open-engine.js";

/** A product `[rows, inner] x [inner, columns]`. */
export interface ProductShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** Long enough to get past the first slow runs, short enough for a plan [ms]. */
const MEASURE_MS = 300;

/**
 * Rate of float32 matrix products of a shape on ONNX Runtime.
 *
 * Units: floating-point operations per second, a multiply-add counted as two.
 */
export async function measureMatmulRate(
  { rows, inner, columns }: ProductShape,
  threads: number | undefined,
): Promise<number> {
  const builder = new GraphBuilder("matmul-rate");
  const x = builder.input("x", "float32", [rows, inner]);
  const weight = builder.initializer("w", "float32", [inner, columns], ramp(inner * columns));
  builder.output("y", builder.op("MatMul", [x, weight]), "float32", [rows, columns]);
  const bytes = encodeModel(builder.build());
  return withRuntime(threads, async (runtime) => {
    const session = await runtime.load({ kind: "bytes", bytes }, { name: "matmul-rate" });
    const input = await runtime.upload(createHostTensor("float32", [rows, inner], ramp(rows * inner)));
    const output = await runtime.upload(
      createHostTensor("float32", [rows, columns], new Float32Array(rows * columns)),
    );
    const run = async (): Promise<void> => {
      await session.run({ feeds: { x: input }, into: { y: output } });
    };
    await run();
    const start = performance.now();
    let runs = 0;
    let elapsed = 0;
    while (elapsed < MEASURE_MS) {
      await run();
      runs++;
      elapsed = performance.now() - start;
    }
    return (2 * rows * inner * columns * runs) / (elapsed / 1000);
  });
}

/** Values without zeros and denormals, which some processors treat differently. */
function ramp(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, index) => ((index % 17) - 8.5) / 8);
}
