/** Opens what a student learns from: the data in both models' tokens, the teacher, and its stored distributions. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DATA_FILES, readRows, readSources } from "@slm/data";
import { SlmError } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import { loadTeachers, type CacheRowKind, type Teacher, type TeacherCache } from "@slm/teacher";
import type { Tokenizer, TokenizerFiles } from "@slm/tokenizer";
import type { Corpus, OtherTokenizer, TeacherReader } from "./corpus.js";
import type { DistillConfig } from "./distill-config.js";
import type { DistillInputs } from "./distill-inputs.js";
import { openGoldCache } from "./gold-cache.js";
import { asksDistributions } from "./loss-config.js";
import { CORPUS_FILE, openCorpus, textLimits } from "./open-corpus.js";
import { IMAGES_FILE, IMAGES_RECORD } from "./row-images.js";
import { modelHash } from "./run-key.js";
import { StoredTargets } from "./stored-targets.js";
import type { StoredByOrigin } from "./student-objective.js";
import { largestShare, type TargetOrigin } from "./target-schedule.js";
import { noStates, otherVocabulary, sameVocabulary, type TeacherSide } from "./teacher-side.js";
import { UnlabelledSources } from "./unlabelled-sources.js";
import { VocabularyMap } from "./vocabulary-map.js";
import { relateVocabularies, type VocabularyRelation } from "./vocabulary.js";

/** Files of a run in progress. */
const UNLABELLED_FILE = "unlabelled.bin";
const STORED_FILES: Readonly<Record<CacheRowKind, string>> = {
  labelled: "labelled.bin",
  generated: "generated.bin",
};
/** All of them. */
export const RUN_FILES: readonly string[] = [
  CORPUS_FILE,
  UNLABELLED_FILE,
  IMAGES_FILE,
  IMAGES_RECORD,
  ...Object.values(STORED_FILES),
];

export interface TeachingRequest {
  readonly settings: DistillConfig;
  readonly inputs: DistillInputs;
  readonly config: ModelConfig;
  readonly files: TokenizerFiles;
  readonly tokenizer: Tokenizer;
}

export interface Teaching {
  readonly corpus: Corpus;
  readonly teacher: TeacherSide | undefined;
  readonly unlabelled: UnlabelledSources | undefined;
  readonly stored: StoredByOrigin;
  /** The teacher's weights. */
  readonly parameters: number | undefined;
  close(): Promise<void>;
}

/** Whether a term or a target asks the teacher while training. */
export const asksTeacher = ({ loss, targets }: DistillConfig): boolean =>
  asksDistributions(loss) ||
  loss.hiddenState > 0 ||
  largestShare(targets.teacher) > 0 ||
  largestShare(targets.unlabelled) > 0;

/** Whether a run reads the teacher at all. */
export const needsTeacher = (settings: DistillConfig): boolean =>
  asksTeacher(settings) || settings.initialize.fromTeacher !== "none";

/**
 * Opens everything, in the order in which it can fail fastest. Nothing of a teacher is touched where none is asked.
 *
 * @throws SlmError as `distill`.
 */
export async function openTeaching(request: TeachingRequest): Promise<Teaching> {
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of [...closing].reverse()) await one();
  };
  try {
    const opened = await openTeacher(request);
    if (opened !== undefined) closing.push(() => opened.teacher.close());
    const corpus = await openCorpus(request, teacherReader(opened));
    closing.push(() => corpus.close());
    const stored = await openStored(request, opened, corpus);
    for (const targets of Object.values(stored)) closing.push(() => targets.close());
    const unlabelled = stored.unlabelled === undefined ? await openUnlabelled(request, opened) : undefined;
    if (unlabelled !== undefined) closing.push(() => unlabelled.close());
    const cache = await openCache(request, opened, corpus);
    if (cache !== undefined) closing.push(() => cache.close());
    const teacher = opened === undefined ? undefined : await sideOf(request, opened, cache);
    return { corpus, teacher, unlabelled, stored, parameters: opened?.teacher.parameters, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface OpenTeacher {
  readonly teacher: Teacher;
  readonly directory: string;
  readonly relation: VocabularyRelation;
}

async function openTeacher({ settings, inputs, files }: TeachingRequest): Promise<OpenTeacher | undefined> {
  const { teacherDirectory: directory, engine } = inputs;
  if (!asksTeacher(settings)) return undefined;
  if (directory === undefined) {
    throw new SlmError("INPUT_MISSING", "distill: the loss or the targets ask a teacher, but none is given", {
      suggestions: [
        "learn from labels alone: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
      ],
    });
  }
  const teacher = await loadTeachers(engine, directory);
  try {
    const { loss } = settings;
    if (loss.hiddenState > 0 && teacher.hiddenStates === undefined) throw noStates();
    const teacherConfig = teacher.config;
    const check = { loss, student: files, teacherDirectory: directory, teacherConfig };
    return { teacher, directory, relation: await relateVocabularies(check) };
  } catch (error) {
    await teacher.close();
    throw error;
  }
}

/** The teacher's tokenizer and limits where it has its own. */
function otherTokenizer(opened: OpenTeacher | undefined): OtherTokenizer | undefined {
  if (opened === undefined || opened.relation.kind === "same") return undefined;
  return { tokenizer: opened.relation.teacher, limits: opened.teacher.config };
}

/** How the teacher reads rows; undefined where there is none. */
function teacherReader(opened: OpenTeacher | undefined): TeacherReader | undefined {
  return opened === undefined ? undefined : (otherTokenizer(opened) ?? { limits: opened.teacher.config });
}

/** What the cache holds for the origins that have a share. */
async function openStored(
  { settings, inputs, config, tokenizer }: TeachingRequest,
  opened: OpenTeacher | undefined,
  { images }: Corpus,
): Promise<StoredByOrigin> {
  const { cacheDirectory: directory, workDirectory, dataDirectory } = inputs;
  if (directory === undefined) return {};
  const common = { directory, tokenizer, limits: textLimits(config), teacher: teacherReader(opened) };
  const stored: Partial<Record<TargetOrigin, StoredTargets>> = {};
  for (const [origin, kind] of [
    ["teacher", "generated"],
    ["unlabelled", "labelled"],
  ] as const) {
    if (largestShare(settings.targets[origin]) === 0) continue;
    const file = join(workDirectory, STORED_FILES[kind]);
    const rows = readRows(join(dataDirectory, DATA_FILES.train));
    const seen = images === undefined ? undefined : { rows, images };
    const targets = await StoredTargets.open({ ...common, kind, seen, file });
    if (targets !== undefined) stored[origin] = targets;
  }
  return stored;
}

async function openUnlabelled(
  { settings, inputs, config, tokenizer }: TeachingRequest,
  opened: OpenTeacher | undefined,
): Promise<UnlabelledSources | undefined> {
  if (largestShare(settings.targets.unlabelled) === 0) return undefined;
  const path = join(inputs.dataDirectory, DATA_FILES.unlabelled);
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists) {
    throw new SlmError("INPUT_MISSING", `distill: targets.unlabelled has a share, but there is no ${path}`, {
      suggestions: [
        "name the file of sources in data.unlabelled.path",
        "set distill.targets.unlabelled to 0",
      ],
    });
  }
  const other = otherTokenizer(opened);
  return UnlabelledSources.write({
    texts: readSources(path),
    student: tokenizer,
    teacher: other?.tokenizer,
    limits: { student: textLimits(config).maxSource, teacher: other?.limits.maxSource ?? config.maxSource },
    file: join(inputs.workDirectory, UNLABELLED_FILE),
  });
}

async function openCache(
  { settings, inputs }: TeachingRequest,
  opened: OpenTeacher | undefined,
  corpus: Corpus,
): Promise<TeacherCache | undefined> {
  if (opened === undefined || !asksDistributions(settings.loss)) return undefined;
  return openGoldCache({
    directory: inputs.cacheDirectory,
    workDirectory: inputs.workDirectory,
    teacher: opened.teacher,
    identity: await modelHash(opened.directory),
    pairs: corpus.taught,
    k: settings.cacheTokens,
    engine: inputs.engine,
    context: inputs.context,
  });
}

async function sideOf(
  { inputs, tokenizer }: TeachingRequest,
  { teacher, relation }: OpenTeacher,
  cache: TeacherCache | undefined,
): Promise<TeacherSide> {
  const { engine } = inputs;
  if (relation.kind === "same") return sameVocabulary({ engine, teacher, cache });
  const map =
    relation.kind === "mapped"
      ? new VocabularyMap(relation.teacher, tokenizer, await firstTarget(inputs.dataDirectory))
      : undefined;
  const tokenizers = { student: tokenizer, teacher: relation.teacher };
  return otherVocabulary({ engine, teacher, cache, tokenizers, map });
}

/** A target of the data. */
async function firstTarget(dataDirectory: string): Promise<string> {
  const rows = readRows(join(dataDirectory, DATA_FILES.train));
  const first = await rows.next();
  await rows.return(undefined);
  if (first.done === true) throw new SlmError("DATA_INVALID", "distill: there are no training rows");
  return first.value.target;
}
