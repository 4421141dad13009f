/** The teacher's token of each of the student's, by the text of tokens. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import { readTokenizerFiles, TOKENIZER_FILE, type TokenizerFiles } from "@slm/tokenizer";
import { idsOf } from "./token-ids.js";

/**
 * The teacher's id of each of the student's tokens. The student's vocabulary may be the teacher's, or a part of it.
 * A teacher without a tokenizer is assumed to have the student's, if the sizes are equal.
 *
 * @throws SlmError SHAPE_MISMATCH for a vocabulary with tokens that the teacher does not have.
 */
export async function teacherTokenIds(
  student: { readonly files: TokenizerFiles; readonly vocabularySize: number },
  teacher: { readonly directory: string; readonly config: ModelConfig },
): Promise<readonly number[]> {
  const { vocabularySize: size } = student;
  const hasTokenizer = await stat(join(teacher.directory, TOKENIZER_FILE)).then(
    () => true,
    () => false,
  );
  if (!hasTokenizer) {
    if (teacher.config.vocabularySize === size) return Array.from({ length: size }, (_, id) => id);
    throw otherVocabulary(`${size} tokens, the teacher ${teacher.config.vocabularySize}`, teacher.directory);
  }
  const theirs = idsOf(await readTokenizerFiles(teacher.directory));
  const ids = new Array<number | undefined>(size);
  for (const [text, id] of idsOf(student.files)) {
    const found = theirs.get(text);
    if (found === undefined)
      throw otherVocabulary(
        `the token ${JSON.stringify(text)}, which the teacher does not`,
        teacher.directory,
      );
    ids[id] = found;
  }
  return Array.from(ids, (id, own) => {
    if (id !== undefined) return id;
    throw new SlmError("DATA_INVALID", `distill: the tokenizer has no token ${own} of ${size}`);
  });
}

const otherVocabulary = (what: string, directory: string): SlmError =>
  new SlmError(
    "SHAPE_MISMATCH",
    `distill: a student that starts from its teacher's layers needs the teacher's vocabulary or a part of it, but has ${what} (${directory})`,
    {
      suggestions: [
        "use the teacher's tokenizer, whole or pruned",
        "set distill.initialize.fromTeacher to none",
      ],
    },
  );
