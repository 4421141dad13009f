import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { teacherConfig } from "../teacher-config.js";
import { openLabeller } from "../teachers/open-labeller.js";
import type { Labeller } from "../labeller/labeller.js";
import type { ExtensionTeacherConfig } from "./extension-config.js";
import { writeExtensionFile } from "./extension-file.js";
import { defineLabeller, LABELLERS } from "./labeller-kinds.js";

const EXTENSION = "test-labellers";
const echo = defineLabeller({
  description: "the source after some text",
  settings: {
    parse: (given) => {
      const { text = "said: ", ...rest } = given as { readonly text?: string };
      if (Object.keys(rest).length > 0) throw new Error(`expected text, got ${Object.keys(rest).join()}`);
      return { text };
    },
  },
  open: ({ text }) =>
    Promise.resolve({
      answer: (sources) =>
        Promise.resolve(
          sources.map((source) => (source === "" ? undefined : { target: text + source, finished: true })),
        ),
    }),
});

const directory = temporaryFolder();
beforeEach(() => {
  LABELLERS.add("echo", echo, EXTENSION);
});
afterEach(() => {
  LABELLERS.remove(EXTENSION);
});

const parse = (section: object): ExtensionTeacherConfig =>
  teacherConfig.parse({ kind: "extension", labeller: "echo", ...section }) as ExtensionTeacherConfig;

const options = { progress: () => undefined, signal: new AbortController().signal };

async function open(section: object): Promise<Labeller> {
  await writeExtensionFile(directory, parse(section));
  return (await openLabeller(directory, options))!;
}

describe("a labeller of an extension", () => {
  test("answers with its function, with the settings of the recipe and their defaults", async () => {
    for (const [section, text] of [
      [{}, "said: "],
      [{ settings: { text: "> " } }, "> "],
    ] as const) {
      const labeller = await open(section);
      expect(labeller.name).toBe("echo");
      const answers = await labeller.answer(["a", "", "b"], options);
      expect(answers.map((answer) => answer?.target)).toEqual([`${text}a`, undefined, `${text}b`]);
      await labeller.close();
    }
  });

  test("changes its identity with its settings and with the files that it reads", async () => {
    const file = join(directory, "words.txt");
    await writeFile(file, "one");
    const { identity } = await open({ files: [file] });
    expect((await open({ files: [file] })).identity).toBe(identity);
    expect((await open({ files: [file], settings: { text: "" } })).identity).not.toBe(identity);
    await writeFile(file, "two");
    expect((await open({ files: [file] })).identity).not.toBe(identity);
  });

  test("is rejected if the recipe does not match an extension, or if its extension is not loaded", async () => {
    const problem = (section: object): string | undefined =>
      teacherConfig.safeParse({ kind: "extension", ...section }).error?.issues[0]?.message;
    expect(problem({ labeller: "parrot" })).toBe("expected a labeller of an extension (echo), got 'parrot'");
    expect(problem({ labeller: "echo", settings: { words: 1 } })).toBe("expected text, got words");
    await open({});
    LABELLERS.remove(EXTENSION);
    await expect(openLabeller(directory, options)).rejects.toThrow(withCode("CONFIG_INVALID"));
  });
});
