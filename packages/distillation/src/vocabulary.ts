/** Compares the vocabularies of teacher and student, and applies `loss.crossTokenizer`. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hashJson, SlmError } from "@slm/core";
import type { TeacherLimits } from "@slm/teacher";
import {
  createTokenizer,
  readTokenizerFiles,
  TOKENIZER_FILE,
  type Tokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";
import type { LossConfig } from "./loss-config.js";

/** How the teacher's tokens relate to the student's. */
export type VocabularyRelation =
  /** `reader` tokenizes the teacher's sources, if it reads them otherwise, such as with a prompt. Targets have the same tokens. */
  | { readonly kind: "same"; readonly reader?: Tokenizer | undefined }
  /** `teacher` is its tokenizer; targets are tokenized by both. */
  | { readonly kind: "aligned" | "uld"; readonly teacher: Tokenizer };

export interface VocabularyCheck {
  readonly loss: LossConfig;
  readonly student: TokenizerFiles;
  readonly teacherDirectory: string;
  readonly teacherConfig: Pick<TeacherLimits, "vocabularySize">;
}

/**
 * Compares the teacher's vocabulary with the student's. A teacher's directory without a tokenizer is assumed to use the student's, if
 * the vocabulary sizes allow it.
 *
 * @throws SlmError SHAPE_MISMATCH if they differ and `loss.crossTokenizer` is none.
 */
export async function relateVocabularies(check: VocabularyCheck): Promise<VocabularyRelation> {
  const { loss, teacherDirectory, teacherConfig } = check;
  const student = createTokenizer(check.student);
  const files = await teacherFiles(teacherDirectory);
  const sameSize = teacherConfig.vocabularySize === student.vocabularySize;
  if (loss.crossTokenizer === "none") {
    if (!sameSize) throw differs(check, student, files === undefined ? "size" : "tokens");
    if (files === undefined) return { kind: "same" };
    const difference = tokenDifference(files, check.student);
    if (difference !== undefined) throw differs(check, student, difference);
    return { kind: "same", reader: readsAlike(files, check.student) ? undefined : createTokenizer(files) };
  }
  if (files === undefined) {
    throw new SlmError(
      "INPUT_MISSING",
      `distill: loss.crossTokenizer is ${loss.crossTokenizer}, for which the teacher's tokenizer is needed, but ${teacherDirectory} has no ${TOKENIZER_FILE}`,
      {
        suggestions: [
          `put the teacher's ${TOKENIZER_FILE} and tokenizer_config.json into ${teacherDirectory}`,
        ],
      },
    );
  }
  const teacher = createTokenizer(files);
  if (teacher.vocabularySize > teacherConfig.vocabularySize) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `distill: the teacher's tokenizer has ${teacher.vocabularySize} tokens, its model ${teacherConfig.vocabularySize} (${teacherDirectory})`,
    );
  }
  return { kind: loss.crossTokenizer, teacher };
}

/** The tokenizer in a teacher's directory; undefined if it has none. */
export async function teacherFiles(directory: string): Promise<TokenizerFiles | undefined> {
  const exists = await stat(join(directory, TOKENIZER_FILE)).then(
    () => true,
    () => false,
  );
  return exists ? readTokenizerFiles(directory) : undefined;
}

type Difference = "size" | "tokens" | "end";

/**
 * What differs in the targets of two vocabularies of one size: tokens and their ids, or the special tokens other than BOS, which each
 * model has of its own.
 */
function tokenDifference(teacher: TokenizerFiles, student: TokenizerFiles): Difference | undefined {
  const identityOf = ({ tokenizer, config }: TokenizerFiles): string => {
    const { vocab } = tokenizer.model;
    const added = tokenizer.added_tokens.map(({ id, content }) => ({ id, content }));
    return hashJson({ vocab, added, symbols: config.source.symbols ?? null });
  };
  if (identityOf(teacher) !== identityOf(student)) return "tokens";
  const [theirs, ours] = [createTokenizer(teacher).tokens, createTokenizer(student).tokens];
  if (theirs.pad !== ours.pad || theirs.unknown !== ours.unknown) return "tokens";
  return theirs.eos === ours.eos ? undefined : "end";
}

/** Whether two tokenizers with the same tokens encode sources alike, and begin targets alike. */
function readsAlike(teacher: TokenizerFiles, student: TokenizerFiles): boolean {
  const [theirs, ours] = [createTokenizer(teacher), createTokenizer(student)];
  return (
    theirs.tokens.bos === ours.tokens.bos &&
    hashJson(teacher.config.source) === hashJson(student.config.source)
  );
}

const MESSAGES: Readonly<Record<Difference, (theirs: number, ours: number) => string>> = {
  size: (theirs, ours) => `the teacher's vocabulary has ${theirs} tokens, the tokenizer's ${ours}`,
  tokens: (theirs, ours) =>
    theirs === ours
      ? `the teacher's vocabulary has ${theirs} tokens like the tokenizer's, but different ones`
      : MESSAGES.size(theirs, ours),
  end: () =>
    "the teacher has the tokenizer's vocabulary, but ends targets with another token (teacher.prompt.end)",
};

function differs(
  { teacherConfig, teacherDirectory }: VocabularyCheck,
  student: Tokenizer,
  what: Difference,
): SlmError {
  const [theirs, ours] = [teacherConfig.vocabularySize, student.vocabularySize];
  const message = MESSAGES[what](theirs, ours);
  return new SlmError("SHAPE_MISMATCH", `distill: ${message} (${teacherDirectory})`, {
    context: { teacher: theirs, student: ours },
    suggestions: [
      "use the tokenizer the teacher was trained with",
      "set distill.loss.crossTokenizer to aligned (probabilities move to the student's tokens) or uld (sorted probabilities)",
      "train a teacher on this data: teacher: { kind: train, ... }",
    ],
  });
}
