/** Stage `teacher`: one checkpoint or an ensemble, trained, copied or imported. */
import { teacherConfig, type TeacherConfig } from "@slm/labelling";
import { estimateTeacher } from "../estimates/training-estimate.js";
import type { PlanRequest } from "../stage/plan-request.js";
import { defineStage, type StageEstimate } from "../stage/stage.js";
import { writeTeacherReport } from "../summary/teacher-report.js";
import { makeEnsemble, memberFiles } from "./make-ensemble.js";
import { isLabeller, labellerFiles, makeLabeller } from "./make-labeller.js";
import { makeTeacher, teacherFiles } from "./make-teacher.js";
import { requireInput } from "./require-input.js";

export const teacherStage = defineStage<TeacherConfig>({
  name: "teacher",
  summary:
    "a teacher: trained, copied from disk, imported, an ensemble, a server, a program or a labeller of an extension",
  section: teacherConfig,
  kind: "teacher",
  revision: 1,
  records: ["metrics.jsonl", "report.html"],
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
  ],
  files: (settings, request) => {
    if (isLabeller(settings)) return labellerFiles(settings);
    return settings.kind === "ensemble" ? memberFiles(settings, request) : teacherFiles(settings, request);
  },
  estimate,
  run: async ({ settings, compute, about, inputs, work, ...context }): Promise<object> => {
    const run = {
      dataDirectory: requireInput(inputs, "data"),
      tokenizerDirectory: requireInput(inputs, "tokenizer"),
      work,
      compute,
      context,
    };
    if (isLabeller(settings)) return makeLabeller(settings, run);
    if (settings.kind === "ensemble") return makeEnsemble(settings, run);
    const made = await makeTeacher(settings, run);
    const { dataDirectory } = run;
    await writeTeacherReport({
      directory: work,
      dataDirectory,
      about,
      settings,
      parameters: made.parameters,
    });
    return made;
  },
});

/** Members are made one after the other: their times and disk space add up, their memory does not. */
async function estimate(request: PlanRequest<TeacherConfig>): Promise<StageEstimate> {
  const { settings } = request;
  if (settings.kind !== "ensemble") return estimateTeacher({ ...request, settings });
  const parts: StageEstimate[] = [];
  for (const member of settings.members) parts.push(await estimateTeacher({ ...request, settings: member }));
  const known = parts.filter(({ seconds }) => seconds !== undefined);
  const [first] = known;
  if (first === undefined) return {};
  return {
    ...first,
    seconds: known.reduce((sum, { seconds = 0 }) => sum + seconds, 0),
    diskBytes: known.reduce((sum, { diskBytes = 0 }) => sum + diskBytes, 0),
    memoryBytes: Math.max(...known.map(({ memoryBytes = 0 }) => memoryBytes)),
  };
}
