/** What the command line needs to read flags and to print lines. Loads only tables of names. */
export { abstentionLine, parseThreshold } from "@slm/models/abstain";
export { ENGINES, TRAINING_DEVICES } from "@slm/models/compute";
export { DEVICE_KINDS, parseDevice, type DeviceChoice } from "@slm/models/devices";
export type { PlannedStage } from "@slm/pipeline/run/plan-pipeline";
export type { StageOutcome } from "@slm/pipeline/run/run-pipeline";
export { fileSettingsOf } from "@slm/pipeline/recipe/file-settings";
export { summaryLines } from "@slm/pipeline/summary/summary-lines";
export { gateText } from "./runs/gate-text.js";
