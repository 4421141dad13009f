/** The lines about a stage: its result, or the plan with an estimate. */
import type { PlannedStage, StageOutcome } from "@slm/slm/command-line";
import { wrapped } from "@slm/core/format";
import { formatBytes, formatCount, formatSeconds } from "@slm/core/format";

/** One line; for a planned stage with an estimate, what the estimate counts comes below it. */
export function stageLines(stage: StageOutcome | PlannedStage): readonly string[] {
  const { name, status, artifact } = stage;
  const seconds = "seconds" in stage ? stage.seconds : stage.estimate.seconds;
  const about = "seconds" in stage || seconds === undefined ? "" : "about ";
  const time = seconds === undefined ? "" : `${about}${formatSeconds(seconds)}`;
  const first = `${name.padEnd(10)} ${status.padEnd(10)} ${time.padStart(13)}  ${artifact}`;
  return "seconds" in stage ? [first] : [first, ...estimateLines(stage.estimate)];
}

const INDENT = "  ";

function estimateLines(estimate: PlannedStage["estimate"]): readonly string[] {
  const { diskBytes, memoryBytes, parameters, tokens, flops, requests, basis } = estimate;
  const parts = [
    parameters === undefined ? "" : `${formatCount(parameters)} parameters`,
    requests === undefined ? "" : `${formatCount(requests)} requests`,
    tokens === undefined ? "" : `${formatCount(tokens)} tokens`,
    flops === undefined ? "" : `${formatCount(flops)}FLOP`,
    memoryBytes === undefined ? "" : `${formatBytes(memoryBytes)} of memory`,
    diskBytes === undefined ? "" : `${formatBytes(diskBytes)} on disk`,
  ].filter((part) => part !== "");
  if (parts.length === 0) return [];
  return wrapped(`${INDENT}estimate: ${parts.join(", ")}${basis === undefined ? "" : ` (${basis})`}`, INDENT);
}
