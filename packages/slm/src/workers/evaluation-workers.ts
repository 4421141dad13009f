/** Answers the chunks of an evaluation on workers. */
import { hashFolder, hashJson, SlmError, type StageContext } from "@slm/core";
import type { EngineChoice } from "@slm/exported-model/engine";
import type { ChunkMaker } from "@slm/inference";
import type { RuntimeDevice } from "@slm/runtime";
import type { FileRef, JobSpec } from "@slm/extension-workers";
import { failureError } from "@slm/extension-workers/references";
import { JOB_KINDS } from "@slm/pipeline/workers/job-kinds";
import { runOptions } from "@slm/pipeline/workers/run-options";
import { readAnswers, requestOf, sendChunk } from "./evaluation-task.js";
import { withWorkers, type WorkersAddress } from "@slm/pipeline/workers/workers-address";

export interface EvaluationWork {
  /** Directory of an exported model. */
  readonly model: string;
  /** What runs the model on the workers. */
  readonly chosen: EngineChoice;
  readonly context: Pick<StageContext, "progress" | "signal">;
  /** Called once for each device that answered. */
  readonly onDevice: (device: RuntimeDevice) => void;
}

/** Runs `body` with the workers at an address. @throws SlmError DEVICE_UNAVAILABLE, INPUT_MISSING, and as `body` does */
export function withEvaluationWorkers<Result>(
  address: WorkersAddress,
  { model, chosen, context, onDevice }: EvaluationWork,
  body: (maker: ChunkMaker) => Promise<Result>,
): Promise<Result> {
  return withWorkers(address, async (runner) => {
    const identity = await hashFolder(model);
    const devices = new Set<string>();
    const maker: ChunkMaker = {
      make: async ({ chunks, request, accept }) => {
        const settings = requestOf(request);
        const rows = hashJson(
          chunks.map((chunk) =>
            chunk.rows.map(({ source, references, image }) => [source, references, image?.name ?? null]),
          ),
        );
        const named = {
          word: "evaluate",
          dependsOn: { identity, engine: chosen.engine, settings, rows },
          title: "evaluation",
        };
        const options = runOptions({ ...named, stage: "evaluate" }, context);
        let sent: FileRef | undefined;
        const jobs = chunks.map((chunk): JobSpec => ({
          id: `chunk-${chunk.number}`,
          kind: JOB_KINDS.evaluationChunk,
          units: chunk.rows.length,
          message: async (files) => {
            sent ??= await files.putTree(model);
            return {
              inputs: { model: sent, task: await sendChunk(files, chunk, settings) },
              settings: { ...chosen },
            };
          },
        }));
        const numbers = new Map(chunks.map(({ number }) => [`chunk-${number}`, number]));
        const failed = await runner.run(jobs, options, async ({ id }, result, files) => {
          const { device } = result.facts;
          if (typeof device !== "string")
            throw new SlmError("DATA_INVALID", "evaluate: a worker did not name its device");
          if (!devices.has(device)) onDevice(JSON.parse(device) as RuntimeDevice);
          devices.add(device);
          accept(numbers.get(id)!, readAnswers(await files.getBytes(result.outputs["answers"]!)));
        });
        await runner.end(options.run);
        if (failed.length > 0) throw failureError(failed[0]!);
      },
    };
    return body(maker);
  });
}
