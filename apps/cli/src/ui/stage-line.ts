/** One line about a stage: its result, or the plan with an estimate. */
import type { PlannedStage } from "@slm/pipeline/run/plan-pipeline";
import type { StageOutcome } from "@slm/pipeline/run/run-pipeline";
import { formatBytes, formatCount, formatSeconds } from "@slm/pipeline/format/format";

export function stageLine(stage: StageOutcome | PlannedStage): string {
  return [stage.name.padEnd(12), stage.status.padEnd(12), figures(stage)].join(" ").trimEnd();
}

function figures(stage: StageOutcome | PlannedStage): string {
  if ("seconds" in stage) return `${formatSeconds(stage.seconds).padStart(8)}  ${stage.artifact}`;
  const { seconds, diskBytes, memoryBytes, parameters, tokens, flops, requests, basis } =
    stage.estimate;
  const parts = [
    parameters === undefined ? "" : `${formatCount(parameters)} parameters`,
    requests === undefined ? "" : `${formatCount(requests)} requests`,
    tokens === undefined ? "" : `${formatCount(tokens)} tokens`,
    flops === undefined ? "" : `${formatCount(flops)}FLOP`,
    seconds === undefined ? "" : `about ${formatSeconds(seconds)}`,
    memoryBytes === undefined ? "" : `${formatBytes(memoryBytes)} of memory`,
    diskBytes === undefined ? "" : `${formatBytes(diskBytes)} on disk`,
  ];
  const figures = parts.filter((part) => part !== "").join(", ");
  const labelled = figures === "" ? "" : `estimate: ${figures}${basis === undefined ? "" : ` (${basis})`}`;
  return [labelled, stage.artifact].filter((part) => part !== "").join("  ");
}
