/** Checks that the training device supports the number format set by `mixedPrecision`. */
import { createHostTensor } from "@slm/runtime";
import { SlmError } from "@slm/core";
import { math, PRECISIONS, type Engine, type Precision } from "@slm/tensor";
import { z } from "zod";
import { withEngine } from "@slm/models/engines";
import type { CheckRequest } from "./check.js";

const section = z.looseObject({ mixedPrecision: z.enum(PRECISIONS).optional() });

const SETTING = "distill.mixedPrecision";

/**
 * Checks that the device computes a product in the precision of the distillation.
 *
 * @throws SlmError CONFIG_INVALID if the provider does not support it; DEVICE_UNAVAILABLE if this device does not
 */
export async function checkPrecision({ sections, running, compute }: CheckRequest): Promise<void> {
  const { mixedPrecision = "float32" } = section.parse(sections.distill ?? {});
  if (mixedPrecision === "float32" || !running.includes("distill")) return;
  await withEngine(compute, (engine) => tryProduct(engine, mixedPrecision));
}

const SIZE = 8;
const matrix = { dtype: "float32", shape: [SIZE, SIZE] } as const;

async function tryProduct(engine: Engine, precision: Precision): Promise<void> {
  const definition = {
    name: SETTING,
    precision,
    inputs: { x: matrix },
    build: ({ x }: Readonly<Record<string, Parameters<typeof math.matMul>[0]>>) => ({
      y: math.matMul(x!, x!),
    }),
  };
  try {
    const program = await engine.compile(definition);
    const ones = createHostTensor("float32", matrix.shape, new Float32Array(SIZE * SIZE).fill(1));
    const { fetched } = await program.run({ feeds: { x: ones }, fetch: ["y"] });
    await program.release();
    if (Number(fetched["y"]!.data[0]) === SIZE) return;
  } catch (cause) {
    if (cause instanceof SlmError && cause.code === "CONFIG_INVALID") throw cause;
    throw notComputed(precision, cause);
  }
  throw notComputed(precision);
}

const notComputed = (precision: Precision, cause?: unknown): SlmError =>
  new SlmError(
    "DEVICE_UNAVAILABLE",
    `${SETTING}: expected a device that supports ${precision}, got one that does not`,
    {
      context: { reason: cause instanceof Error ? cause.message : "the product is wrong" },
      suggestions: [`--set ${SETTING}=float32`],
      ...(cause === undefined ? {} : { cause }),
    },
  );
