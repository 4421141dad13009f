/** The teacher's tokens that stand for each of the student's. */
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
  /** A target of the data in the student's tokens: tokens are decoded behind its first one, to get their text inside a target. */
  readonly example: ArrayLike<number>;
}

/** A student's tokens, with the first target of its training pairs as example. */
export async function studentTokens(
  { vocabularySize }: Pick<ModelConfig, "vocabularySize">,
  files: TokenizerFiles,
  pairs: TokenPairs,
): Promise<StudentTokens> {
  const { targets } = await pairs.read([0]);
  return { files, vocabularySize, example: targets[0]! };
}

export interface TeacherTokens {
  /** By the student's id: the teacher's tokens that spell the token's text; none for a text that the teacher cannot spell. */
  readonly ids: readonly (readonly number[])[];
  /** Whether every token of the student is one of the teacher's. */
  readonly isPart: boolean;
}

/**
 * The teacher's tokens for each of the student's. Where the student's vocabulary is the teacher's or a part of it, they are the same
 * tokens; else those that spell the token's text ({@link spellings}), and the teacher's special tokens for the student's.
 * A teacher without a tokenizer is assumed to have the student's, if the sizes are equal.
 *
 * @throws SlmError SHAPE_MISMATCH for a teacher that cannot spell most of the student's tokens, or has no tokenizer and another size;
 * DATA_INVALID for a student's tokenizer that lacks an id.
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
        `has ${size} tokens, and the teacher ${theirSize} without a tokenizer`,
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
      `has ${withText.length} tokens with text, of which the teacher can spell ${spelt}`,
      teacher.directory,
    );
  return { ids, isPart: false };
}

/** A student's tokens by how many of the teacher's tokens spell them. */
export interface SpeltTokens {
  readonly inOne: number;
  readonly inSeveral: number;
  /** Those that the teacher cannot spell. */
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

/** How many tokens of a student start how. */
export const speltMessage = ({ inOne, inSeveral, inNone }: SpeltTokens): string =>
  `${inOne} tokens start as one of the teacher's, ${inSeveral} as the mean of several, ${inNone} as that of all`;

/** The texts of the teacher's tokens inside a target. */
function teacherTexts(teacher: Tokenizer, example: string, directory: string): readonly string[] {
  try {
    return addedTexts(teacher, example).later;
  } catch (error) {
    if (!(error instanceof SlmError) || error.code !== "DATA_INVALID") throw error;
    throw otherVocabulary(`its targets are no text for the teacher (${error.message})`, directory);
  }
}

/** The teacher's id of each of the student's tokens; undefined if there is a token that the teacher does not have. */
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
    throw new SlmError("DATA_INVALID", `distill: the tokenizer has no token ${own} of ${size}`);
  });
}

const otherVocabulary = (what: string, directory: string): SlmError =>
  new SlmError(
    "SHAPE_MISMATCH",
    `distill: a student that starts from its teacher needs the teacher's vocabulary or a part of it, or tokens that the teacher can spell, but ${what} (${directory})`,
    {
      suggestions: [
        "use the teacher's tokenizer, whole or pruned",
        "set distill.initialize.fromTeacher to none",
      ],
    },
  );
