/** What labelling by a server will cost: requests and tokens. */
import {
  apiFileOf,
  estimateAnswers,
  estimateBasis,
  labellingVolume,
  teacherConfig,
  type CacheConfig,
} from "@slm/labelling";
import { exampleRows } from "@slm/teacher";
import type { PlanRequest } from "../stage/plan-request.js";
import type { StageEstimate } from "../stage/stage.js";

/** Undefined for a teacher that is no server, and before the data is prepared. */
export async function estimateLabelling({
  settings,
  sections,
  artifacts,
}: PlanRequest<CacheConfig>): Promise<StageEstimate | undefined> {
  const { data: dataDirectory } = artifacts;
  const teacher = teacherConfig.safeParse(sections.teacher).data;
  if (teacher?.kind !== "api" || dataDirectory === undefined) return undefined;
  const file = apiFileOf(teacher, await exampleRows(teacher.prompt.examples, dataDirectory));
  const { requests, inputTokens, outputTokens } = estimateAnswers(
    file,
    await labellingVolume(settings, dataDirectory),
  );
  return { requests, tokens: inputTokens + outputTokens, basis: estimateBasis };
}
