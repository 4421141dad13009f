/** Stage `teacher`: a decoder-only checkpoint that reads and writes the run's vocabulary. */
import { SlmError } from "@slm/error";
import { CONFIG_FILE, WEIGHTS_FILE, parameterCount, readModelConfig } from "@slm/model";
import { embeddedTeacherDirectory, teacherConfig, trainTeacher, type TeacherConfig } from "@slm/teacher";
import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, readTokenizerFiles } from "@slm/tokenizer";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { withEngine } from "../compute/open-engine.js";
import { estimateTeacher } from "../estimates/training-estimate.js";
import { defineStage, type StageFile } from "../pipeline/stage.js";
import { requireInput } from "./require-input.js";

/** Files that make a checkpoint which other stages can read. */
const CHECKPOINT_FILES = [CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE] as const;

export interface CopiedTeacher {
  readonly parameters: number;
  readonly vocab: number;
  /** Directory the checkpoint came from. */
  readonly source: string;
}

export const teacherStage = defineStage<TeacherConfig>({
  name: "teacher",
  summary: "a decoder-only teacher: trained, taken from disk, or the one that comes with slm",
  section: teacherConfig,
  kind: "teacher",
  revision: 1,
  inputs: [
    { stage: "data", required: true },
    { stage: "tokenizer", required: true },
  ],
  files: (settings): readonly StageFile[] => {
    const directory = sourceDirectory(settings);
    if (directory === undefined) return [];
    return CHECKPOINT_FILES.map((file) => ({
      setting: `${settings.kind}/${file}`,
      path: join(directory, file),
    }));
  },
  estimate: estimateTeacher,
  run: async ({ settings, compute, inputs, work, ...context }): Promise<object> => {
    const tokenizerDirectory = requireInput(inputs, "tokenizer");
    if (settings.kind !== "train") {
      const source = settings.kind === "checkpoint" ? settings.path : embeddedTeacherDirectory(settings.name);
      return copyTeacher(source, tokenizerDirectory, work);
    }
    const dataDirectory = requireInput(inputs, "data");
    return withEngine(compute, (engine) =>
      trainTeacher(settings, { dataDirectory, tokenizerDirectory, workDirectory: work, engine, context }),
    );
  },
});

/** Where a teacher that is not trained comes from. */
function sourceDirectory(settings: TeacherConfig): string | undefined {
  if (settings.kind === "train") return undefined;
  return settings.kind === "checkpoint" ? settings.path : embeddedTeacherDirectory(settings.name);
}

/**
 * Copies a checkpoint into `work`.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID if it is not decoder-only, SHAPE_MISMATCH if its vocabulary is not the
 * run's: its probabilities would be read as those of other tokens.
 */
export async function copyTeacher(
  source: string,
  tokenizerDirectory: string,
  work: string,
): Promise<CopiedTeacher> {
  const config = await readModelConfig(source);
  if (config.architecture !== "decoder-only") {
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: ${join(source, CONFIG_FILE)}: expected a decoder-only model, got ${config.architecture}`,
      { context: { source }, suggestions: ["slm teacher train RECIPE"] },
    );
  }
  await requireSameVocabulary(source, tokenizerDirectory);
  for (const file of CHECKPOINT_FILES) await copyFile(join(source, file), join(work, file));
  return { parameters: parameterCount(config), vocab: config.vocabularySize, source };
}

async function requireSameVocabulary(source: string, tokenizerDirectory: string): Promise<void> {
  const theirs = (await readTokenizerFiles(source)).tokenizer.model.vocab;
  const ours = (await readTokenizerFiles(tokenizerDirectory)).tokenizer.model.vocab;
  if (isDeepStrictEqual(theirs, ours)) return;
  const [got, expected] = [Object.keys(theirs).length, Object.keys(ours).length];
  const sizes =
    got === expected ? `both ${got} tokens, but not the same` : `${got} tokens against ${expected}`;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `teacher: the vocabulary of ${source} is not the tokenizer's of this run: ${sizes}`,
    {
      context: { source, teacherTokens: got, tokenizerTokens: expected },
      suggestions: [
        "prepare the data as for that teacher: remove data.limit and other changes of the data",
        "train a teacher on this data: teacher: { kind: train, ... }, as in configs/g2p-teacher.yaml",
      ],
    },
  );
}
