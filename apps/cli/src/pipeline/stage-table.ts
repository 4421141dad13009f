/** Every stage, in execution order. Each is loaded only when a command needs it. */
import type { Stage } from "./stage.js";

const STAGE_LOADERS: readonly (() => Promise<Stage>)[] = [
  async () => (await import("../stages/data-stage.js")).dataStage,
  async () => (await import("../stages/tokenizer-stage.js")).tokenizerStage,
  async () => (await import("../stages/teacher-stage.js")).teacherStage,
  async () => (await import("../stages/cache-stage.js")).cacheStage,
  async () => (await import("../stages/distill-stage.js")).distillStage,
  async () => (await import("../stages/export-stage.js")).exportStage,
  async () => (await import("../stages/quantize-stage.js")).quantizeStage,
  async () => (await import("../stages/compile-stage.js")).compileStage,
  async () => (await import("../stages/bench-stage.js")).benchStage,
  async () => (await import("../stages/deploy-stage.js")).deployStage,
];

/** Loads the whole table. */
export async function loadStages(): Promise<readonly Stage[]> {
  return Promise.all(STAGE_LOADERS.map((load) => load()));
}

/** Schemas of all sections a recipe may have, by name. */
export function sectionSchemas(stages: readonly Stage[]): Readonly<Record<string, Stage["section"]>> {
  return Object.fromEntries(stages.map(({ name, section }) => [name, section]));
}
