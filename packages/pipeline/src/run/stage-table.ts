/** All stages, in execution order. */
import type { Stage } from "../stage/stage.js";
import { dataStage } from "../stages/data-stage.js";
import { tokenizerStage } from "../stages/tokenizer-stage.js";
import { teacherStage } from "../stages/teacher-stage.js";
import { cacheStage } from "../stages/cache-stage.js";
import { distillStage } from "../stages/distill-stage.js";
import { exportStage } from "../stages/export-stage.js";
import { quantizeStage } from "../stages/quantize-stage.js";
import { compileStage } from "../stages/compile-stage.js";
import { benchStage } from "../stages/bench-stage.js";
import { deployStage } from "../stages/deploy-stage.js";

export const STAGES: readonly Stage[] = [
  dataStage,
  tokenizerStage,
  teacherStage,
  cacheStage,
  distillStage,
  exportStage,
  quantizeStage,
  compileStage,
  benchStage,
  deployStage,
];

/** Schemas of all sections a recipe may have, by name. */
export function sectionSchemas(stages: readonly Stage[]): Readonly<Record<string, Stage["section"]>> {
  return Object.fromEntries(stages.map(({ name, section }) => [name, section]));
}
