/** Exports a teacher's checkpoint as a graph with 8-bit or 4-bit weights, using the exporter and quantizer for students. */
import { removePath, type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { parameterCount } from "@slm/model";
import { readModelConfig } from "@slm/checkpoints";
import type { SchemeName } from "@slm/devices";
import { exportCheckpoint } from "@slm/onnx-export";
import { quantizeFile } from "@slm/quantization";
import { GRAPH_FOLDER, writeGraphFile, type TeacherPrecision } from "@slm/teacher";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Compute } from "@slm/models/compute";
import { withOutputThreads } from "@slm/models/engines";

/** The directory of a teacher's checkpoint, and the runtime to use. */
export interface TeacherWork {
  /** Directory of the checkpoint. */
  readonly work: string;
  readonly compute: Compute;
  readonly context: StageContext;
}

export interface QuantizedTeacher {
  readonly precision: TeacherPrecision;
  readonly scheme: SchemeName;
  /** Size of the graph's weights, as float32 and quantized [bytes]. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Scheme of each precision. Both are block schemes. One scale per row of activations (int8-dynamic) is not precise enough for the outliers
 * of large language models.
 */
const SCHEMES = { int8: "int8-block", int4: "int4-block" } as const satisfies Readonly<
  Record<Exclude<TeacherPrecision, "float32">, SchemeName>
>;

/** Name of a decoder-only model's graph in the transformers.js layout. */
const EXPORTED = join("onnx", "model.onnx");

/** Adds the graph to the checkpoint in `work`. The teacher then uses the graph to score and generate.
 *
 * @throws SlmError as exporting and quantizing.
 */
export async function quantizeTeacher(
  precision: keyof typeof SCHEMES,
  { work, compute, context }: TeacherWork,
): Promise<{ readonly quantized: QuantizedTeacher }> {
  const config = await readModelConfig(work);
  if (config.architecture !== "decoder-only")
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: precision ${precision} needs a decoder-only teacher, but ${work} is ${config.architecture}`,
      { suggestions: ["leave out teacher.precision"] },
    );
  const scheme = SCHEMES[precision];
  const exported = join(work, "exported");
  // The graph of an interrupted run is incomplete.
  await removePath(exported);
  await mkdir(exported);
  try {
    await exportCheckpoint({
      checkpointDirectory: work,
      outputDirectory: exported,
      target: "cpu",
      layout: "transformers.js",
      signal: context.signal,
    });
    const file = join(GRAPH_FOLDER, "model.onnx");
    const { bytesBefore, bytesAfter } = await withOutputThreads(compute.threads, (run) =>
      quantizeFile({
        input: join(exported, EXPORTED),
        output: join(work, file),
        scheme,
        run,
        signal: context.signal,
        progress: (update) => {
          context.progress({ ...update, stage: "teacher" });
        },
      }),
    );
    const { vocabularySize, maxSource, maxTarget, tokens } = config;
    const described = { weights: precision, parameters: parameterCount(config) };
    await writeGraphFile(work, {
      file: `${GRAPH_FOLDER}/model.onnx`,
      ...described,
      vocabularySize,
      maxSource,
      maxTarget,
      tokens,
    });
    return { quantized: { precision, scheme, bytesBefore, bytesAfter } };
  } finally {
    await removePath(exported);
  }
}
