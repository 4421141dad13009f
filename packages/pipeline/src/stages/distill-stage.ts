/** Stage `distill`: a student learns from the teacher. */
import {
  distill,
  distillConfig,
  publishedTowerOf,
  type DistillConfig,
  type DistillReport,
} from "@slm/distillation";
import { readManifest, type StageContext } from "@slm/core";
import type { WorkerShare } from "@slm/workers";
import { withEngine } from "../compute/open-engine.js";
import { estimateDistill } from "../estimates/training-estimate.js";
import { rememberRowSettings } from "../models/row-settings.js";
import { openPublishedTower, publishedTowerFiles } from "../models/published-tower.js";
import type { StageFile } from "../stage/plan-request.js";
import { defineStage } from "../stage/stage.js";
import { summarizeStages } from "../summary/run-summary.js";
import { factsOf, titleOf } from "../summary/summary-page.js";
import type { Compute } from "../compute/compute.js";
import { workersSection } from "../workers/workers-section.js";
import type { WorkersAddress } from "../workers/workers-address.js";
import { requireInput } from "./require-input.js";

type DistillInputs = Parameters<typeof distill>[1];
type Sections = NonNullable<DistillInputs["page"]>["sections"];

/** What a training did; with workers, which of them did how much. */
type StageReport = DistillReport & { readonly workers?: readonly WorkerShare[] };

/** Trains with replicas on workers. */
async function trainWith(
  workers: WorkersAddress,
  { engine }: Compute,
  progress: StageContext["progress"],
  train: (rounds: DistillInputs["rounds"], sections: Sections) => Promise<DistillReport>,
): Promise<StageReport> {
  const { withWorkers } = await import("../workers/workers-address.js");
  const { workerRounds } = await import("../workers/worker-rounds.js");
  return withWorkers(workers, async (runner) => {
    const report = await train(
      (request) => workerRounds(runner, request, { engine, progress }),
      () => workersSection(runner.shares),
    );
    return { ...report, workers: runner.shares };
  });
}

export const distillStage = defineStage<DistillConfig>({
  name: "distill",
  summary: "a student learns from the teacher",
  section: distillConfig,
  kind: "checkpoint",
  revision: 2,
  records: ["metrics.jsonl", "report.html", "tensorboard", "probe.json"],
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
    // A student trained on labels alone has no teacher.
    { stage: "teacher", required: false },
    { stage: "cache", required: false },
  ],
  files: async ({ initialize: { vision }, student }, request): Promise<readonly StageFile[]> => {
    const published = publishedTowerOf(student);
    if (published !== undefined) return publishedTowerFiles(published, request);
    return vision === undefined ? [] : [{ setting: "initialize.vision", path: vision }];
  },
  estimate: estimateDistill,
  run: async ({ settings, compute, workers, about, inputs, work, ...context }): Promise<StageReport> => {
    const named = publishedTowerOf(settings.student);
    const published = named === undefined ? undefined : await openPublishedTower(named, context);
    const data = await readManifest(requireInput(inputs, "data"));
    const { teacher } = await summarizeStages(inputs);
    const page = {
      title: titleOf(about, "training"),
      facts: factsOf(about, {
        data,
        date: new Date().toISOString(),
        parameters: [["teacher", teacher?.parameters]],
      }),
    };
    const train = (rounds?: DistillInputs["rounds"], sections?: Sections): Promise<DistillReport> =>
      withEngine(compute, (engine) =>
        distill(settings, {
          rounds,
          page: { ...page, sections },
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
    // Without replicas there is nothing that another machine could do.
    const report: StageReport = await (workers === undefined || settings.replicas === undefined
      ? train()
      : trainWith(workers, compute, context.progress, train));
    await rememberRowSettings(work, requireInput(inputs, "data"));
    return report;
  },
});
