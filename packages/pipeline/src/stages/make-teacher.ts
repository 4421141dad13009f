/** Makes one teacher checkpoint: trained on the run's data, copied from disk, or imported. */
import { removePath, storedPath, type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import {
  resolveCached,
  resolveModel,
  type ResolvedModel,
  CONFIG_FILE,
  weightFiles,
  readModelConfig,
} from "@slm/checkpoints";
import { parameterCount, visionOf } from "@slm/model";
import { type TeacherConfig } from "@slm/labelling";
import {
  graphFiles,
  importGraph,
  applyPrompt,
  finetuneTeacher,
  trainTeacher,
  type FinetuneReport,
} from "@slm/teacher";
import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, readTokenizerFiles, type PruneReport } from "@slm/tokenizer";
import { copyFile, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { withEngine } from "@slm/models/engines";
import { importModel, type ImportedModel } from "@slm/models/published";
import { chatTemplateFiles, externalFiles } from "@slm/models/published";
import type { FilesRequest, StageFile } from "../stage/plan-request.js";
import type { LabellerConfig } from "./make-labeller.js";
import { quantizeTeacher, type QuantizedTeacher, type TeacherWork } from "./quantize-teacher.js";
import { comparePrompts, type SharedReading } from "./shared-reading.js";
import { copyPruned, copyWithTokens, type TeacherPruning } from "./teacher-vocabulary.js";

/** Files of a checkpoint that other stages can read. */
const checkpointFiles = (directory: string): readonly string[] => [
  CONFIG_FILE,
  ...weightFiles(directory),
  TOKENIZER_FILE,
  TOKENIZER_CONFIG_FILE,
  ...chatTemplateFiles(directory),
];

/** Settings of a teacher that is one checkpoint or graph. */
export type SingleTeacherConfig = Exclude<TeacherConfig, { readonly kind: "ensemble" } | LabellerConfig>;

export interface TeacherRun extends TeacherWork {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
}

/** Report of every kind of teacher; training adds more. */
export interface MadeTeacher {
  readonly parameters: number;
  readonly vocab: number;
  /** How it tokenizes sources with the run's vocabulary; absent if it uses its own vocabulary. */
  readonly shared?: SharedReading | undefined;
  /** Size of its own vocabulary after pruning, if it was pruned. */
  readonly pruned?: PruneReport;
  /** Report of the fine-tuning, if there was one. */
  readonly finetuned?: FinetuneReport;
  /** Its quantized weights; absent for float32. */
  readonly quantized?: QuantizedTeacher;
}

export interface CopiedTeacher extends MadeTeacher {
  /** Directory the checkpoint came from. */
  readonly source: string;
}

/** Makes the checkpoint that the settings describe. */
export async function makeTeacher(settings: SingleTeacherConfig, run: TeacherRun): Promise<MadeTeacher> {
  const { dataDirectory, tokenizerDirectory, work, compute, context } = run;
  if (settings.kind === "train") {
    const inputs = { dataDirectory, tokenizerDirectory, workDirectory: work, context };
    return withEngine(compute, (engine) => trainTeacher(settings, { ...inputs, engine }));
  }
  if (settings.kind === "onnx") {
    const made = await importGraph(settings.path, work, settings);
    if (settings.prompt !== undefined) await applyPrompt(work, settings.prompt, dataDirectory);
    return made;
  }
  const made = await takeTeacher(settings, run);
  const finetuned = await fitToTask(settings, run);
  const { precision = "float32" } = settings;
  const quantized = precision === "float32" ? {} : await quantizeTeacher(precision, run);
  return { ...made, ...finetuned, ...quantized };
}

/** Settings of a teacher with existing weights. */
type TakenConfig = Extract<SingleTeacherConfig, { readonly kind: "import" | "checkpoint" }>;

/** Copies or imports the weights, and applies the vocabulary and prompt from the settings. */
async function takeTeacher(settings: TakenConfig, run: TeacherRun): Promise<CopiedTeacher> {
  const { vocabulary = "own", prompt } = settings;
  if (typeof vocabulary === "object") return takePruned(settings, vocabulary.prune, run);
  const { dataDirectory, tokenizerDirectory, work, context } = run;
  const made =
    settings.kind === "import"
      ? await importNamed(settings, tokenizerDirectory, work, context)
      : await copyTeacher(settings.path, tokenizerDirectory, work, vocabulary);
  if (prompt !== undefined) await applyPrompt(work, prompt, dataDirectory);
  if (vocabulary === "own") return made;
  return { ...made, shared: await comparePrompts(made.source, work, dataDirectory, context) };
}

/** Writes the whole model first, because the tokens of its prompt, formatted by its own chat template, must be kept. */
async function takePruned(
  settings: TakenConfig,
  prune: TeacherPruning,
  run: TeacherRun,
): Promise<CopiedTeacher> {
  const whole = join(run.work, "whole");
  // The files of an interrupted run are incomplete.
  await removePath(whole);
  await mkdir(whole);
  try {
    const made = await takeTeacher({ ...settings, vocabulary: "own" }, { ...run, work: whole });
    const { config, pruned } = await copyPruned(whole, prune, run.dataDirectory, run.work);
    return { ...made, parameters: parameterCount(config), vocab: config.vocabularySize, pruned };
  } finally {
    await removePath(whole);
  }
}

/** Trains LoRA adapters if the settings ask for it. */
async function fitToTask(
  { finetune }: TakenConfig,
  { dataDirectory, work, compute, context }: TeacherRun,
): Promise<Pick<MadeTeacher, "finetuned">> {
  if (finetune === undefined) return {};
  const finetuned = await withEngine(compute, (engine) =>
    finetuneTeacher(finetune, { dataDirectory, workDirectory: work, engine, context }),
  );
  return { finetuned };
}

type ImportConfig = Extract<SingleTeacherConfig, { readonly kind: "import" }>;

async function importNamed(
  settings: ImportConfig,
  tokenizerDirectory: string,
  work: string,
  context: StageContext,
): Promise<ImportedModel & Pick<ResolvedModel, "hub">> {
  const { path, hub } = await resolveModel(settings.model, context);
  const { maxSource, maxTarget } = settings;
  const vocabulary = settings.vocabulary === "run" ? await readTokenizerFiles(tokenizerDirectory) : undefined;
  return { ...(await importModel(path, work, { dtype: "float32", maxSource, maxTarget, vocabulary })), hub };
}

/** Files outside the run that the checkpoint is made from. */
export async function teacherFiles(
  settings: SingleTeacherConfig,
  request: FilesRequest,
): Promise<readonly StageFile[]> {
  if (settings.kind === "train") return [];
  if (settings.kind === "import") {
    const find = request.mayFetch ? resolveModel : resolveCached;
    const found = await find(settings.model, request);
    const files = found === undefined ? [] : await externalFiles(found.path);
    return files.map((path) => ({ setting: `import/${basename(path)}`, path }));
  }
  if (settings.kind === "onnx") {
    const files = await graphFiles(settings.path, settings.file);
    return files.map((path) => ({ setting: `onnx/${storedPath(settings.path, path)}`, path }));
  }
  const directory = settings.path;
  return checkpointFiles(directory).map((file) => ({
    setting: `${settings.kind}/${file}`,
    path: join(directory, file),
  }));
}

/**
 * Copies a checkpoint into `work`.
 *
 * @param vocabulary run: keeps only the tokens of the run
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID if the model reads images, SHAPE_MISMATCH if its vocabulary differs from the run's,
 * because its probabilities would be assigned to wrong tokens.
 */
export async function copyTeacher(
  source: string,
  tokenizerDirectory: string,
  work: string,
  vocabulary: "own" | "run" = "own",
): Promise<CopiedTeacher> {
  const config = await readModelConfig(source);
  if (visionOf(config) !== undefined) {
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: ${join(source, CONFIG_FILE)}: the model reads images, but a teacher must read only text`,
      { context: { source }, suggestions: ["slm teacher train RECIPE"] },
    );
  }
  if (vocabulary === "run") {
    const cut = await copyWithTokens(source, await readTokenizerFiles(tokenizerDirectory), work);
    return { parameters: parameterCount(cut), vocab: cut.vocabularySize, source };
  }
  await requireSameVocabulary(source, tokenizerDirectory);
  for (const file of checkpointFiles(source)) await copyFile(join(source, file), join(work, file));
  return { parameters: parameterCount(config), vocab: config.vocabularySize, source };
}

async function requireSameVocabulary(source: string, tokenizerDirectory: string): Promise<void> {
  const files = await readTokenizerFiles(source);
  // A text teacher may have its own vocabulary; distillation aligns it with the student's.
  if (files.config.source.symbols === undefined) return;
  const theirs = files.tokenizer.model.vocab;
  const ours = (await readTokenizerFiles(tokenizerDirectory)).tokenizer.model.vocab;
  if (isDeepStrictEqual(theirs, ours)) return;
  const [got, expected] = [Object.keys(theirs).length, Object.keys(ours).length];
  const sizes =
    got === expected
      ? `both have ${got} tokens, but the tokens differ`
      : `${got} tokens instead of ${expected}`;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `teacher: the vocabulary of ${source} differs from that of this run's tokenizer: ${sizes}`,
    {
      context: { source, teacherTokens: got, tokenizerTokens: expected },
      suggestions: [
        "prepare the data with the same settings as for that teacher, for example without data.limit",
        "train a teacher on this data: teacher: { kind: train, ... }",
      ],
    },
  );
}
