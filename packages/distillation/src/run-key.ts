/** The key of a run: a hash of all its inputs. A saved state with another key is not resumed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { hashJson, readJsonFile, writeJsonAtomic, SlmError } from "@slm/core";
import { DATA_FILES } from "@slm/data";
import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from "@slm/tokenizer";
import { STATE_FILE } from "@slm/training";
import { z } from "zod";
import { fileHash, modelHash } from "./sources/content-hashes.js";
import { readsTeacher } from "./config/distill-config.js";
import type { DistillRun } from "./config/distill-inputs.js";

/** Hash of all inputs of the run. */
export async function runKey({ settings, config, inputs }: DistillRun): Promise<string> {
  const { dataDirectory, tokenizerDirectory, teacherDirectory, cacheDirectory, published, context } = inputs;
  // An initial checkpoint is identified by its contents, not its path.
  const { student, ...initialize } = settings.initialize;
  const data = [DATA_FILES.train, DATA_FILES.dev, DATA_FILES.unlabelled];
  return hashJson({
    settings: { ...settings, initialize },
    config,
    seed: context.seed,
    data: await Promise.all(data.map((name) => fileHash(join(dataDirectory, name)))),
    tokenizer: await Promise.all(
      [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE].map((name) => fileHash(join(tokenizerDirectory, name))),
    ),
    student: student && (await modelHash(student)),
    published: published && (await modelHash(published.directory)),
    cache: cacheDirectory === undefined ? "own" : await modelHash(cacheDirectory),
    teacher:
      teacherDirectory === undefined || !readsTeacher(settings) ? "none" : await modelHash(teacherDirectory),
  });
}

/** File with the key of the run that uses the work directory. */
export const RUN_FILE = "run.json";

const runSchema = z.strictObject({ key: z.string() });

/** Claims a work directory for this run, before any costly work.
 *
 * @throws SlmError DATA_INVALID if it contains the state of a run with another key.
 */
export async function claimWorkDirectory(directory: string, key: string): Promise<void> {
  const path = join(directory, RUN_FILE);
  if (existsSync(path) && existsSync(join(directory, STATE_FILE))) {
    const held = await readJsonFile(path, runSchema);
    if (held.key !== key) {
      throw new SlmError(
        "DATA_INVALID",
        `${directory}: the saved state belongs to a run with other data, tokenizer, teacher or settings`,
        { suggestions: ["train without --resume to start over"] },
      );
    }
  }
  await writeJsonAtomic(path, { key });
}
