/** The body of a job that answers one chunk of an evaluation. */
import { answerChunk, openModel } from "@slm/inference";
import type { Runtime } from "@slm/runtime";
import type { JobBody } from "@slm/extension-workers";
import { withRuntime } from "@slm/pipeline/compute/open-engine";
import { encodeAnswers, readChunk } from "./evaluation-task.js";
import { keptOpen } from "./kept-open.js";

const models = keptOpen(
  (threads: number, body: (runtime: Runtime) => Promise<void>) => withRuntime(threads, body),
  (directory: string, runtime: Runtime) => openModel(directory, runtime, { scores: true }),
);

export const evaluationChunkBody: JobBody = async ({ inputs, files, copies, threads, signal }) => {
  const { request, rows } = await readChunk(files, inputs["task"]!);
  const { value: model, base: runtime } = await models.get(await copies.tree(inputs["model"]!), threads);
  const answers = await answerChunk(rows, { ...request, generator: model, scorer: model, signal });
  return {
    outputs: { answers: await files.putBytes(encodeAnswers(answers)) },
    facts: { device: JSON.stringify(runtime.device) },
    units: rows.length,
  };
};
