import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTokenizer,
  trainBpeTokenizer,
  withPrompt,
  writeTokenizer,
  type SourcePrompt,
  type Tokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sharedVocabulary } from "./vocabulary.js";

let teacherDirectory = "";
beforeEach(async () => {
  teacherDirectory = await mkdtemp(join(tmpdir(), "vocabulary-"));
});
afterEach(() => rm(teacherDirectory, { recursive: true }));

const trained = (text: string): Promise<TokenizerFiles> =>
  trainBpeTokenizer([{ source: text, target: text }], {
    vocabularySize: 270,
    minCount: 1,
    spaces: "joined",
    sourceLowercase: false,
  });

/** How a teacher with these files reads sources for a student. */
async function relation(student: TokenizerFiles, teacher: TokenizerFiles): Promise<Tokenizer | undefined> {
  await writeTokenizer(teacher, teacherDirectory);
  const { vocabularySize } = createTokenizer(teacher);
  return sharedVocabulary({ student, teacherDirectory, teacherConfig: { vocabularySize } });
}

describe(sharedVocabulary, () => {
  const prompted = async (prompt: SourcePrompt): Promise<TokenizerFiles> =>
    withPrompt(await trained("play music"), prompt);

  test("a teacher that reads sources as the student does needs no reader of its own", async () => {
    const student = await trained("play music");
    expect(await relation(student, student)).toBeUndefined();
  });

  test("a teacher with a prompt has the student's vocabulary, and reads sources with it", async () => {
    const student = await trained("play music");
    const found = await relation(student, await prompted({ before: "say: ", after: "\n" }));
    const [own, theirs] = [createTokenizer(student), found!];
    expect(theirs.decode(theirs.encodeSource("play"))).toBe("say: play");
    expect(theirs.encodeTarget("play")).toEqual(own.encodeTarget("play"));
    // The last token of the prompt takes the place of BOS.
    expect(theirs.decode([theirs.tokens.bos])).toBe("\n");
    expect(theirs.tokens.eos).toBe(own.tokens.eos);
  });

  test("a teacher that ends its targets with another token is rejected, with the reason", async () => {
    const ended = prompted({ before: "", after: "\n", end: "\n" });
    await expect(relation(await trained("play music"), await ended)).rejects.toThrow(
      "ends targets with another token (teacher.prompt.end)",
    );
  });

  test("a teacher with other tokens of the same number is rejected", async () => {
    const other = trained("stop sound");
    await expect(relation(await trained("play music"), await other)).rejects.toThrow("but different ones");
  });
});
