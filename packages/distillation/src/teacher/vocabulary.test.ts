import { temporaryFolder, withCode } from "@slm/core/testing";
import {
  createTokenizer,
  trainBpeTokenizer,
  withPrompt,
  writeTokenizer,
  type SourcePrompt,
  type Tokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { sharedVocabulary } from "./vocabulary.js";

const teacherDirectory = temporaryFolder({ each: true });

const trained = (text: string): Promise<TokenizerFiles> =>
  trainBpeTokenizer([{ source: text, target: text }], {
    vocabularySize: 270,
    minCount: 1,
    spaces: "joined",
    sourceLowercase: false,
  });

/** The teacher's tokenizer for sources, for these files. */
async function relation(student: TokenizerFiles, teacher: TokenizerFiles): Promise<Tokenizer | undefined> {
  await writeTokenizer(teacher, teacherDirectory);
  const { vocabularySize } = createTokenizer(teacher);
  return sharedVocabulary({ student, teacherDirectory, teacherConfig: { vocabularySize } });
}

describe(sharedVocabulary, () => {
  const prompted = async (prompt: SourcePrompt): Promise<TokenizerFiles> =>
    withPrompt(await trained("play music"), prompt);

  test("a teacher that encodes sources like the student needs no separate tokenizer", async () => {
    const student = await trained("play music");
    expect(await relation(student, student)).toBeUndefined();
  });

  test("a teacher with a prompt may share the student's vocabulary, and reads sources with the prompt", async () => {
    const student = await trained("play music");
    const found = await relation(student, await prompted({ before: "say: ", after: "\n" }));
    const [own, theirs] = [createTokenizer(student), found!];
    expect(theirs.decode(theirs.encodeSource("play"))).toBe("say: play");
    expect(theirs.encodeTarget("play")).toEqual(own.encodeTarget("play"));
    // The last token of the prompt replaces BOS.
    expect(theirs.decode([theirs.tokens.bos])).toBe("\n");
    expect(theirs.tokens.eos).toBe(own.tokens.eos);
  });

  test("rejects a teacher that ends its targets with another token, with the reason", async () => {
    const ended = prompted({ before: "", after: "\n", end: "\n" });
    await expect(relation(await trained("play music"), await ended)).rejects.toThrow(
      withCode("SHAPE_MISMATCH"),
    );
  });

  test("rejects a teacher with the same number of other tokens", async () => {
    const other = trained("stop sound");
    await expect(relation(await trained("play music"), await other)).rejects.toThrow(
      withCode("SHAPE_MISMATCH"),
    );
  });
});
