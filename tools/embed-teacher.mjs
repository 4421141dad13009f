/**
 * Makes a trained teacher the embedded one: copies its checkpoint with a manifest that says where it came from.
 *
 *   npm run build && node tools/embed-teacher.mjs RUN_DIRECTORY NAME key=value ...
 *
 * RUN_DIRECTORY holds `data`, `tokenizer` and `teacher` of `slm teacher train configs/g2p-teacher.yaml`; the key=value
 * pairs are figures to record, such as testWordError=0.298.
 */
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { hashFile, hashJson, readManifest, writeArtifact } from "@slm/artifact";
import { parameterCount, readModelConfig } from "@slm/model";
import { embeddedTeacherDirectory } from "@slm/teacher";

const [run, name, ...figures] = process.argv.slice(2);
if (run === undefined || name === undefined)
  throw new Error("usage: embed-teacher.mjs RUN_DIRECTORY NAME [key=value ...]");
const source = join(run, "teacher");
const { settings, seed } = await readManifest(source);
const directory = embeddedTeacherDirectory(name);
const inputs = [];
for (const file of ["data/train.jsonl", "data/dev.jsonl", "tokenizer/tokenizer.json"]) {
  inputs.push({ name: file, kind: "file", sha256: await hashFile(join(run, file)) });
}
const details = Object.fromEntries(figures.map((pair) => [pair.split("=")[0], Number(pair.split("=")[1])]));
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
    for (const file of ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]) {
      await copyFile(join(source, file), join(work, file));
    }
    return {
      recipe: "configs/g2p-teacher.yaml",
      parameters: parameterCount(await readModelConfig(work)),
      ...details,
    };
  },
);
