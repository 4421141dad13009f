/** Finds the teacher's tokens for each token of the student. */
import { SlmError } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import { addedTexts, createTokenizer, type Tokenizer, type TokenizerFiles } from "@slm/tokenizer";
import type { TokenPairs } from "@slm/training";
import { spellings } from "./spellings.js";
import { idsOf } from "./token-ids.js";
import { teacherFiles } from "../teacher/vocabulary.js";

export interface StudentTokens {
  readonly files: TokenizerFiles;
  readonly vocabularySize: number;
  /** A target from the data in the student's tokens. Tokens are decoded after its first token, to get their text within a target. */
  readonly example: ArrayLike<number>;
}

/** A student's tokens, with the first target of the training pairs as example. */
export async function studentTokens(
  { vocabularySize }: Pick<ModelConfig, "vocabularySize">,
  files: TokenizerFiles,
  pairs: TokenPairs,
): Promise<StudentTokens> {
  const { targets } = await pairs.read([0]);
  return { files, vocabularySize, example: targets[0]! };
}

export interface TeacherTokens {
  /** By student id: the teacher's tokens that spell the token's text; empty if the teacher cannot spell it. */
  readonly ids: readonly (readonly number[])[];
  /** Whether every token of the student is also a token of the teacher. */
  readonly isPart: boolean;
}

/**
 * Finds the teacher's tokens for each token of the student. If the student's vocabulary is a subset of the teacher's, these are the same
 * tokens. Otherwise they spell the token's text ({@link spellings}), and special tokens correspond by role.
 * A teacher without a tokenizer is assumed to have the student's vocabulary if the sizes are equal.
 *
 * @throws SlmError SHAPE_MISMATCH for a teacher that cannot spell most of the student's tokens, or that has no tokenizer and another vocabulary size;
 * DATA_INVALID if the student's tokenizer lacks an id.
 */
export async function teacherTokens(
  student: StudentTokens,
  teacher: { readonly directory: string; readonly config: ModelConfig },
): Promise<TeacherTokens> {
  const { files, vocabularySize: size } = student;
  const { vocabularySize: theirSize } = teacher.config;
  const theirs = await teacherFiles(teacher.directory);
  if (theirs === undefined) {
    if (theirSize !== size)
      throw otherVocabulary(
        `has ${size} tokens, but the teacher has ${theirSize} and no tokenizer`,
        teacher.directory,
      );
    return { ids: Array.from({ length: size }, (_, id) => [id]), isPart: true };
  }
  const shared = sharedTokens(files, theirs, size);
  if (shared !== undefined) return { ids: shared, isPart: true };
  const [own, other] = [createTokenizer(files), createTokenizer(theirs)];
  const example = own.decode(student.example);
  const texts = addedTexts(own, example).later;
  const ids = [...spellings(texts, teacherTexts(other, example, teacher.directory).slice(0, theirSize))];
  for (const name of ["unknown", "pad", "bos", "eos"] as const) ids[own.tokens[name]] = [other.tokens[name]];
  const withText = texts.flatMap((text, id) => (text === "" ? [] : [ids[id]!]));
  const spelt = withText.filter(({ length }) => length > 0).length;
  if (spelt * 2 <= withText.length)
    throw otherVocabulary(
      `has ${withText.length} tokens with text, and the teacher can spell only ${spelt} of them`,
      teacher.directory,
    );
  return { ids, isPart: false };
}

/** Numbers of a student's tokens by how many teacher tokens spell them. */
export interface SpeltTokens {
  readonly inOne: number;
  readonly inSeveral: number;
  /** Tokens that the teacher cannot spell. */
  readonly inNone: number;
}

export function speltTokens(ids: TeacherTokens["ids"]): SpeltTokens {
  const count = (isCounted: (length: number) => boolean): number =>
    ids.filter(({ length }) => isCounted(length)).length;
  return {
    inOne: count((length) => length === 1),
    inSeveral: count((length) => length > 1),
    inNone: count((length) => length === 0),
  };
}

/** Describes how many tokens are initialized in each way. */
export const speltMessage = ({ inOne, inSeveral, inNone }: SpeltTokens): string =>
  `${inOne} tokens start as one teacher token, ${inSeveral} as the mean of several, ${inNone} as the mean of all`;

/** The texts of the teacher's tokens within a target. */
function teacherTexts(teacher: Tokenizer, example: string, directory: string): readonly string[] {
  try {
    return addedTexts(teacher, example).later;
  } catch (error) {
    if (!(error instanceof SlmError) || error.code !== "DATA_INVALID") throw error;
    throw otherVocabulary(`the teacher cannot encode its targets (${error.message})`, directory);
  }
}

/** The teacher's id for each token of the student; undefined if the teacher lacks a token. */
function sharedTokens(
  student: TokenizerFiles,
  teacher: TokenizerFiles,
  size: number,
): readonly (readonly number[])[] | undefined {
  const theirs = idsOf(teacher);
  const ids = new Array<number | undefined>(size);
  for (const [text, id] of idsOf(student)) {
    const found = theirs.get(text);
    if (found === undefined) return undefined;
    ids[id] = found;
  }
  return Array.from(ids, (id, own) => {
    if (id !== undefined) return [id];
    throw new SlmError(
      "DATA_INVALID",
      `distill: the tokenizer has no token with id ${own}, expected ids below ${size}`,
    );
  });
}

const otherVocabulary = (what: string, directory: string): SlmError =>
  new SlmError(
    "SHAPE_MISMATCH",
    `distill: to initialize a student from its teacher, its vocabulary must be a subset of the teacher's, or the teacher must ` +
      `be able to spell its tokens, but ${what} (${directory})`,
    {
      suggestions: [
        "use the teacher's tokenizer, complete or pruned",
        "set distill.initialize.fromTeacher to none",
      ],
    },
  );
