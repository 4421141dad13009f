/**
 * Keeps a trained model as the teacher of a task: copies its checkpoint as float16, with a manifest that says where it came from.
 *
 *   npm run build && node tools/scripts/keep-teacher.mjs RUN_DIRECTORY STAGE DIRECTORY key=value ...
 *
 * RUN_DIRECTORY holds `data` and `tokenizer` of a run and what its STAGE made: `teacher` of `slm teacher train`, or `distill` of
 * `slm distill`, whose students teach too. DIRECTORY is replaced: configs/quickstart/teacher, say. The key=value pairs are what is worth recording, such as testWordError=0.298 or
 * startedFrom=NAME or taughtBy=NAMES.
 */
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { hashFile, hashJson, readManifest, writeArtifact } from "@slm/core";
import { parameterCount } from "@slm/model";
import { readCheckpoint, writeCheckpoint } from "@slm/checkpoints";

/** Which recipe made a stage, by its settings: students are taught by labels alone or by teachers. */
const RECIPES = {
  teacher: () => "configs/g2p/teacher.yaml",
  distill: ({ loss }) => (loss.crossEntropy === 1 ? "configs/g2p/reader.yaml" : "configs/g2p/recipe.yaml"),
};

const [run, stage, directory, ...figures] = process.argv.slice(2);
if (directory === undefined || !(stage in RECIPES))
  throw new Error(
    `usage: keep-teacher.mjs RUN_DIRECTORY ${Object.keys(RECIPES).join("|")} DIRECTORY [key=value ...]`,
  );
const source = join(run, stage);
const { settings: all, seed } = await readManifest(source);
// Where a student started from is a directory of the machine that trained it: a figure names it instead.
const { initialize, ...settings } = all;
const inputs = [];
for (const file of ["data/train.jsonl", "data/dev.jsonl", "tokenizer/tokenizer.json"]) {
  inputs.push({ name: file, kind: "file", sha256: await hashFile(join(run, file)) });
}
const details = Object.fromEntries(
  figures.map((pair) => {
    const [key, value] = pair.split("=");
    return [key, Number.isNaN(Number(value)) ? value : Number(value)];
  }),
);
if (initialize?.student !== undefined && details.startedFrom === undefined)
  throw new Error("the student started from another: say from which, startedFrom=NAME");
await rm(directory, { recursive: true, force: true });
await writeArtifact(
  {
    directory,
    kind: "teacher",
    key: hashJson({ settings, inputs, seed }),
    inputs,
    settings,
    origins: {},
    seed,
  },
  async (work) => {
    const checkpoint = await readCheckpoint(source);
    await writeCheckpoint(work, checkpoint, "float16");
    for (const file of ["tokenizer.json", "tokenizer_config.json"])
      await copyFile(join(source, file), join(work, file));
    return { recipe: RECIPES[stage](settings), parameters: parameterCount(checkpoint.config), ...details };
  },
);
