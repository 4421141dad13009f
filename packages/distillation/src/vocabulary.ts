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
  | { readonly kind: "same" }
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
  const isSame = files === undefined ? sameSize : sameSize && identityOf(files) === identityOf(check.student);
  if (loss.crossTokenizer === "none") {
    if (isSame) return { kind: "same" };
    throw differs(check, student, files === undefined ? "size" : "tokens");
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

async function teacherFiles(directory: string): Promise<TokenizerFiles | undefined> {
  const exists = await stat(join(directory, TOKENIZER_FILE)).then(
    () => true,
    () => false,
  );
  return exists ? readTokenizerFiles(directory) : undefined;
}

/**
 * Two vocabularies are equal if they have the same tokens at the same ids, the same special tokens, and the same encoding of sources.
 */
function identityOf(files: TokenizerFiles): string {
  const { vocab } = files.tokenizer.model;
  const added = files.tokenizer.added_tokens.map(({ id, content }) => ({ id, content }));
  const { tokens } = createTokenizer(files);
  return hashJson({ vocab, added, tokens, source: files.config.source });
}

function differs(
  { teacherConfig, teacherDirectory }: VocabularyCheck,
  student: Tokenizer,
  what: "size" | "tokens",
): SlmError {
  const [theirs, ours] = [teacherConfig.vocabularySize, student.vocabularySize];
  const message =
    what === "size" || theirs !== ours
      ? `the teacher's vocabulary has ${theirs} tokens, the tokenizer's ${ours}`
      : `the teacher's vocabulary has ${theirs} tokens like the tokenizer's, but different ones`;
  return new SlmError("SHAPE_MISMATCH", `distill: ${message} (${teacherDirectory})`, {
    context: { teacher: theirs, student: ours },
    suggestions: [
      "use the tokenizer the teacher was trained with",
      "set distill.loss.crossTokenizer to aligned (probabilities move to the student's tokens) or uld (sorted probabilities)",
      "train a teacher on this data: teacher: { kind: train, ... }",
    ],
  });
}
