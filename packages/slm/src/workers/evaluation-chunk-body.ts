/** The body of a job that answers one chunk of an evaluation. */
import { answerChunk } from "@slm/inference";
import { ENGINES, type EngineChoice } from "@slm/exported-model/engine";
import type { Runtime } from "@slm/runtime";
import type { JobBody } from "@slm/extension-workers";
import { withRuntime } from "@slm/pipeline/compute/open-engine";
import { openOn } from "@slm/pipeline/models/open-on";
import { z } from "zod";
import { encodeAnswers, readChunk } from "./evaluation-task.js";
import { keptOpen } from "./kept-open.js";

/** The engine is the caller's choice, so that all workers answer with the same one. */
const chunkSettings = z.strictObject({ engine: z.enum(ENGINES), reason: z.string() });

interface Answering extends EngineChoice {
  readonly threads: number;
}

const models = keptOpen(
  ({ engine, threads }: Answering, body: (runtime: Runtime | undefined) => Promise<void>) =>
    engine === "wasm" ? body(undefined) : withRuntime(threads, body),
  (directory: string, runtime: Runtime | undefined, { reason }: Answering) =>
    openOn(directory, runtime, { scores: true, reason }),
);

export const evaluationChunkBody: JobBody = async ({ inputs, settings, files, copies, threads, signal }) => {
  const chosen = chunkSettings.parse(settings);
  const { request, rows } = await readChunk(files, inputs["task"]!);
  const { value: model } = await models.get(await copies.tree(inputs["model"]!), { ...chosen, threads });
  const answers = await answerChunk(rows, { ...request, generator: model, scorer: model, signal });
  return {
    outputs: { answers: await files.putBytes(encodeAnswers(answers)) },
    facts: { device: JSON.stringify(model.device) },
    units: rows.length,
  };
};
