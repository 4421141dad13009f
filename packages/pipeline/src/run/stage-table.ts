/** All stages, in execution order. A stage is loaded only when a command needs it. */
import type { Stage } from "../stage/stage.js";

const STAGE_LOADERS: Readonly<Record<string, () => Promise<Stage>>> = {
  data: async () => (await import("../stages/data-stage.js")).dataStage,
  tokenizer: async () => (await import("../stages/tokenizer-stage.js")).tokenizerStage,
  teacher: async () => (await import("../stages/teacher-stage.js")).teacherStage,
  cache: async () => (await import("../stages/cache-stage.js")).cacheStage,
  distill: async () => (await import("../stages/distill-stage.js")).distillStage,
  export: async () => (await import("../stages/export-stage.js")).exportStage,
  quantize: async () => (await import("../stages/quantize-stage.js")).quantizeStage,
  compile: async () => (await import("../stages/compile-stage.js")).compileStage,
  bench: async () => (await import("../stages/bench-stage.js")).benchStage,
  deploy: async () => (await import("../stages/deploy-stage.js")).deployStage,
};

/** Names of all stages, in execution order. Reading them does not load the stages. */
export const STAGE_NAMES: readonly string[] = Object.keys(STAGE_LOADERS);

/** Loads the whole table. */
export async function loadStages(): Promise<readonly Stage[]> {
  return Promise.all(Object.values(STAGE_LOADERS).map((load) => load()));
}

/** Schemas of all sections a recipe may have, by name. */
export function sectionSchemas(stages: readonly Stage[]): Readonly<Record<string, Stage["section"]>> {
  return Object.fromEntries(stages.map(({ name, section }) => [name, section]));
}
