/** Stage `cache`: stores the teacher's distributions over every target, so that later epochs and runs need no teacher. */
import { artifactInput } from "@slm/core";
import { cacheConfig, cacheTeacher, type CacheConfig, type CacheStageReport } from "@slm/teacher";
import { withEngine } from "../compute/open-engine.js";
import { estimateCache } from "../estimates/training-estimate.js";
import { defineStage } from "../pipeline/stage.js";
import { requireInput } from "./require-input.js";

export const cacheStage = defineStage<CacheConfig>({
  name: "cache",
  summary: "the teacher's distributions over every target, and targets that it generates",
  section: cacheConfig,
  kind: "cache",
  revision: 1,
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
    { stage: "teacher", required: true },
  ],
  estimate: estimateCache,
  run: async ({ settings, compute, inputs, work, ...context }): Promise<CacheStageReport> => {
    const teacherDirectory = requireInput(inputs, "teacher");
    const { sha256 } = await artifactInput("teacher", teacherDirectory);
    return withEngine(compute, (engine) =>
      cacheTeacher(settings, {
        dataDirectory: requireInput(inputs, "data"),
        tokenizerDirectory: requireInput(inputs, "tokenizer"),
        teacherDirectory,
        identity: sha256,
        workDirectory: work,
        engine,
        context,
      }),
    );
  },
});
