/** Checks that the training device supports the number format set by `mixedPrecision`. */
import { createHostTensor } from "@slm/runtime";
import { SlmError } from "@slm/core";
import { math, PRECISIONS, type Engine, type Precision } from "@slm/tensor";
import { z } from "zod";
import { withEngine } from "@slm/models/engines";
import type { CheckRequest } from "./check.js";

const asked = z.looseObject({ mixedPrecision: z.enum(PRECISIONS).optional() });
const trainings = z.looseObject({
  distill: asked.optional(),
  teacher: asked.extend({ finetune: asked.optional() }).optional(),
});

/** The precisions other than float32 that a recipe's trainings use, by the path of the setting. */
function precisionsOf({ sections, running }: CheckRequest): ReadonlyMap<string, Precision> {
  const { distill, teacher } = trainings.parse(sections);
  const found = {
    "teacher.mixedPrecision": teacher?.mixedPrecision,
    "teacher.finetune.mixedPrecision": teacher?.finetune?.mixedPrecision,
    "distill.mixedPrecision": distill?.mixedPrecision,
  };
  return new Map(
    Object.entries(found).flatMap(([path, precision]) =>
      precision === undefined || precision === "float32" || !running.includes(path.split(".")[0]!)
        ? []
        : [[path, precision] as const],
    ),
  );
}

/**
 * Checks that the device computes a product in every precision that a training uses.
 *
 * @throws SlmError CONFIG_INVALID if the provider does not support it; DEVICE_UNAVAILABLE if this device does not
 */
export async function checkPrecision(request: CheckRequest): Promise<void> {
  const precisions = precisionsOf(request);
  if (precisions.size === 0) return;
  await withEngine(request.compute, async (engine) => {
    for (const [path, precision] of precisions) await tryProduct(engine, path, precision);
  });
}

const SIZE = 8;
const matrix = { dtype: "float32", shape: [SIZE, SIZE] } as const;

async function tryProduct(engine: Engine, path: string, precision: Precision): Promise<void> {
  const definition = {
    name: path,
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
    throw notComputed(path, precision, cause);
  }
  throw notComputed(path, precision);
}

const notComputed = (path: string, precision: Precision, cause?: unknown): SlmError =>
  new SlmError(
    "DEVICE_UNAVAILABLE",
    `${path}: expected a device that supports ${precision}, got one that does not`,
    {
      context: { reason: cause instanceof Error ? cause.message : "the product is wrong" },
      suggestions: [`--set ${path}=float32`],
      ...(cause === undefined ? {} : { cause }),
    },
  );
