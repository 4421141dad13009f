/** Checks that teacher and student have the same vocabulary, because distributions are compared token by token. */
import { join } from "node:path";
import { isThere, hashJson, SlmError } from "@slm/core";
import type { TeacherLimits } from "@slm/teacher";
import {
  createTokenizer,
  readTokenizerFiles,
  TOKENIZER_FILE,
  type Tokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";

export interface VocabularyCheck {
  readonly student: TokenizerFiles;
  readonly teacherDirectory: string;
  readonly teacherConfig: Pick<TeacherLimits, "vocabularySize">;
}

/**
 * Compares the teacher's vocabulary with the student's. A teacher without a tokenizer is assumed to use the student's, if
 * the vocabulary sizes allow it.
 *
 * @returns the teacher's tokenizer if it encodes sources differently from the student, for example with a prompt
 * @throws SlmError SHAPE_MISMATCH if they differ
 */
export async function sharedVocabulary(check: VocabularyCheck): Promise<Tokenizer | undefined> {
  const { teacherDirectory, teacherConfig } = check;
  const student = createTokenizer(check.student);
  const files = await teacherFiles(teacherDirectory);
  if (teacherConfig.vocabularySize !== student.vocabularySize)
    throw differs(check, student, files === undefined ? "size" : "tokens");
  if (files === undefined) return undefined;
  const difference = tokenDifference(files, check.student);
  if (difference !== undefined) throw differs(check, student, difference);
  return readsAlike(files, check.student) ? undefined : createTokenizer(files);
}

/** The tokenizer in a teacher's directory; undefined if it has none. */
export async function teacherFiles(directory: string): Promise<TokenizerFiles | undefined> {
  const exists = await isThere(join(directory, TOKENIZER_FILE));
  return exists ? readTokenizerFiles(directory) : undefined;
}

type Difference = "size" | "tokens" | "end";

/**
 * The first difference that affects targets between two vocabularies of the same size: tokens and their ids, or special tokens. BOS
 * may differ.
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

/** Whether two tokenizers with the same tokens encode sources and start targets in the same way. */
function readsAlike(teacher: TokenizerFiles, student: TokenizerFiles): boolean {
  const [theirs, ours] = [createTokenizer(teacher), createTokenizer(student)];
  return (
    theirs.tokens.bos === ours.tokens.bos &&
    hashJson(teacher.config.source) === hashJson(student.config.source)
  );
}

const MESSAGES: Readonly<Record<Difference, (theirs: number, ours: number) => string>> = {
  size: (theirs, ours) => `the teacher's vocabulary has ${theirs} tokens, but the tokenizer's has ${ours}`,
  tokens: (theirs, ours) =>
    theirs === ours
      ? `the teacher's vocabulary has ${theirs} tokens like the tokenizer's, but the tokens differ`
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
      "use the teacher's tokens: tokenizer: { kind: pretrained, model: ... } with teacher.vocabulary: run",
      "learn only from the teacher's labels: a section cache with distributions: none, " +
        "--set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
      "train a teacher on this data: teacher: { kind: train, ... }",
    ],
  });
}
