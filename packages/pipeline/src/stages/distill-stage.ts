/** Stage `distill`: trains the student on the teacher's outputs. */
import {
  distill,
  distillConfig,
  publishedTowerOf,
  type DistillConfig,
  type DistillReport,
  type ReportHead,
} from "@slm/distillation";
import { readManifest } from "@slm/core";
import { withEngine } from "@slm/models/engines";
import { estimateDistill } from "../estimates/training-estimate.js";
import { rememberRowSettings } from "@slm/models/rows";
import { openPublishedTower, publishedTowerFiles } from "@slm/models/published";
import { basename } from "node:path";
import type { StageFile } from "../stage/plan-request.js";
import { defineStage } from "../stage/stage.js";
import { summarizeStages } from "../summary/run-summary.js";
import { factsOf, titleOf } from "../summary/summary-page.js";
import { requireInput } from "./require-input.js";

export const distillStage = defineStage<DistillConfig>({
  name: "distill",
  summary: "the student, trained on the teacher's outputs",
  section: distillConfig,
  kind: "checkpoint",
  revision: 2,
  records: ["metrics.jsonl", "report.html"],
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
    // A student trained only on labels has no teacher.
    { stage: "teacher", required: false },
    { stage: "cache", required: false },
  ],
  files: async ({ student }, request): Promise<readonly StageFile[]> => {
    const published = publishedTowerOf(student);
    if (published === undefined) return [];
    const files = await publishedTowerFiles(published, request);
    return files.map((path) => ({ setting: `student.vision.published/${basename(path)}`, path }));
  },
  estimate: estimateDistill,
  run: async ({ settings, compute, about, inputs, work, ...context }): Promise<DistillReport> => {
    const named = publishedTowerOf(settings.student);
    const published = named === undefined ? undefined : await openPublishedTower(named, context);
    const data = await readManifest(requireInput(inputs, "data"));
    const { teacher } = await summarizeStages(inputs);
    const page = (parameters: number): ReportHead => ({
      title: titleOf(about, "training"),
      facts: factsOf(about, {
        data,
        date: new Date().toISOString(),
        parameters: [
          ["student", parameters],
          ["teacher", teacher?.parameters],
        ],
      }),
    });
    const report = await withEngine(compute, (engine) =>
      distill(settings, {
        page,
        dataDirectory: requireInput(inputs, "data"),
        tokenizerDirectory: requireInput(inputs, "tokenizer"),
        teacherDirectory: inputs.teacher,
        cacheDirectory: inputs.cache,
        published,
        workDirectory: work,
        engine,
        context,
      }),
    );
    await rememberRowSettings(work, requireInput(inputs, "data"));
    return report;
  },
});
