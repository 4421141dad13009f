/** Loads the teacher, and compares its vocabulary with the student's. */
import { join } from "node:path";
import { DATA_FILES, readRows } from "@slm/data";
import { SlmError } from "@slm/core";
import {
  cacheRowKinds,
  isLabellerDirectory,
  loadTeachers,
  type Teacher,
  type TeacherCache,
} from "@slm/teacher";
import type { TeacherReader } from "./corpus.js";
import { requiresTeacher, type StoredKinds } from "./distill-config.js";
import type { DistillInputs, DistillRun } from "./distill-inputs.js";
import {
  noStates,
  otherVocabulary,
  sameVocabulary,
  type DistillationTeacher,
} from "./distillation-teacher.js";
import { openStoredTeacher } from "./stored-teacher.js";
import { VocabularyMap } from "./vocabulary-map.js";
import { relateVocabularies, type VocabularyRelation } from "./vocabulary.js";

export interface OpenTeacher {
  readonly teacher: Teacher;
  readonly directory: string;
  readonly relation: VocabularyRelation;
  /** How it reads rows. */
  readonly reader: TeacherReader;
  close(): Promise<void>;
}

/** The targets that the cache has stored; none without a cache. */
export async function storedKinds({
  cacheDirectory,
}: Pick<DistillInputs, "cacheDirectory">): Promise<StoredKinds> {
  return cacheDirectory === undefined ? new Set() : cacheRowKinds(cacheDirectory);
}

/**
 * The teacher, loaded; undefined where neither a term nor a target requires it.
 *
 * @throws SlmError INPUT_MISSING if none is given, CONFIG_INVALID if hidden states are needed and it has none, or for a server or program whose stored answers are not enough, SHAPE_MISMATCH for a vocabulary that the settings do not allow, and what loading throws.
 */
export async function openTeacher(run: DistillRun): Promise<OpenTeacher | undefined> {
  const { settings, inputs, files } = run;
  const { teacherDirectory: directory, engine } = inputs;
  if (!requiresTeacher(settings, await storedKinds(inputs))) return undefined;
  if (directory === undefined) {
    throw new SlmError(
      "INPUT_MISSING",
      "distill: the loss or the targets need a teacher, but none is given",
      {
        suggestions: [
          "learn from labels alone: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
        ],
      },
    );
  }
  if (isLabellerDirectory(directory)) return openStoredTeacher(run, directory);
  const teacher = await loadTeachers(engine, directory);
  try {
    const { loss } = settings;
    const { config } = teacher;
    const check = { loss, student: files, teacherDirectory: directory, teacherConfig: config };
    const relation = await relateVocabularies(check);
    const reader = readerOf(relation, config);
    // Hidden states are compared position by position, so sources must have the same tokens.
    if (loss.hiddenState > 0 && (teacher.hiddenStates === undefined || reader.tokenizer !== undefined))
      throw noStates();
    return { teacher, directory, relation, reader, close: () => teacher.close() };
  } catch (error) {
    await teacher.close();
    throw error;
  }
}

const readerOf = (relation: VocabularyRelation, limits: TeacherReader["limits"]): TeacherReader =>
  relation.kind === "same"
    ? { limits, tokenizer: relation.reader, sharesTargets: true }
    : { limits, tokenizer: relation.teacher };

/** The teacher, seen from the student's vocabulary.
 *
 * @param cache distributions over the gold targets; undefined if no term needs them
 */
export async function teacherOf(
  { inputs: { engine, dataDirectory }, tokenizer }: DistillRun,
  { teacher, relation }: OpenTeacher,
  cache: TeacherCache | undefined,
): Promise<DistillationTeacher> {
  if (relation.kind === "same") return sameVocabulary({ engine, teacher, cache });
  const tokenizers = { student: tokenizer, teacher: relation.teacher };
  const map =
    relation.kind === "aligned"
      ? new VocabularyMap(relation.teacher, tokenizer, await firstTarget(dataDirectory))
      : undefined;
  return otherVocabulary({ engine, teacher, cache, tokenizers, map });
}

/** A target of the data, as an example. */
async function firstTarget(dataDirectory: string): Promise<string> {
  const rows = readRows(join(dataDirectory, DATA_FILES.train));
  const first = await rows.next();
  await rows.return(undefined);
  if (first.done === true) throw new SlmError("DATA_INVALID", "distill: there are no training rows");
  return first.value.target;
}
