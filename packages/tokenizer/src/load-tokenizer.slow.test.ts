import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { loadTokenizer } from "./load-tokenizer.js";
import { trainSymbolTokenizer } from "./learn/symbol-files.js";
import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from "./files/tokenizer-files.js";

const files = trainSymbolTokenizer({
  sources: ["cat", "it's"],
  targets: ["K AE T", "IH T S"],
  sourceLowercase: true,
});
const texts = {
  [TOKENIZER_FILE]: JSON.stringify(files.tokenizer),
  [TOKENIZER_CONFIG_FILE]: JSON.stringify(files.config),
};
type FileName = keyof typeof texts;

const directory = temporaryFolder();

async function put(name: FileName, content: string | Uint8Array): Promise<void> {
  for (const other of Object.keys(texts) as FileName[]) await writeFile(join(directory, other), texts[other]);
  await writeFile(join(directory, name), content);
}

async function loadCode(): Promise<string> {
  try {
    await loadTokenizer(directory);
    return "loaded";
  } catch (error) {
    if (error instanceof SlmError) return error.code;
    throw error;
  }
}

/** The values of a JSON document, each in turn replaced with another. */
function* replacements(value: unknown): Generator {
  yield* [null, 1e12, "x", [], {}];
  if (typeof value !== "object" || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    for (const next of replacements(child)) {
      yield Array.isArray(value)
        ? value.map((old: unknown, i) => (String(i) === key ? next : old))
        : { ...value, [key]: next };
    }
    if (!Array.isArray(value))
      yield Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  }
}

describe(loadTokenizer, () => {
  test("keeps configuration keys of other programs", async () => {
    await put(TOKENIZER_CONFIG_FILE, JSON.stringify({ ...files.config, model_max_length: 64 }));
    expect(await loadCode()).toBe("loaded");
  });

  test("says which file is missing", async () => {
    await expect(loadTokenizer(join(directory, "nowhere"))).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(loadTokenizer(join(directory, "nowhere"))).rejects.toThrow(TOKENIZER_FILE);
  });

  test.each<[string, FileName, string | Uint8Array]>([
    ["no JSON", TOKENIZER_FILE, "{"],
    ["not UTF-8", TOKENIZER_FILE, Uint8Array.of(0x22, 0xff, 0x22)],
    ["an empty file", TOKENIZER_CONFIG_FILE, ""],
    [
      "nesting without end",
      TOKENIZER_FILE,
      texts[TOKENIZER_FILE].replace(/.$/, `,"x":${"[".repeat(200_000)}${"]".repeat(200_000)}}`),
    ],
    [
      "a misspelt key of source",
      TOKENIZER_CONFIG_FILE,
      JSON.stringify({ ...files.config, source: { lowerCase: true } }),
    ],
    [
      "an absurd id",
      TOKENIZER_FILE,
      JSON.stringify({ ...files.tokenizer, added_tokens: [{ id: 4e9, content: "x" }] }),
    ],
  ])("rejects %s", async (_name, file, content) => {
    await put(file, content);
    expect(await loadCode()).toBe("DATA_INVALID");
    await expect(loadTokenizer(directory)).rejects.toThrow(file);
  });

  test.each<[FileName, boolean]>([
    [TOKENIZER_FILE, true],
    [TOKENIZER_FILE, false],
    [TOKENIZER_CONFIG_FILE, true],
  ])(
    "every value of %s replaced by another loads or is rejected (symbol tokenizer: %s)",
    async (name, isSymbols) => {
      const general = Object.fromEntries(Object.entries(files.config).filter(([key]) => key !== "source"));
      await put(TOKENIZER_CONFIG_FILE, JSON.stringify(isSymbols ? files.config : general));
      const original: unknown = JSON.parse(texts[name]);
      for (const changed of replacements(original)) {
        await writeFile(join(directory, name), JSON.stringify(changed));
        expect(["loaded", "DATA_INVALID"]).toContain(await loadCode());
      }
    },
  );
});
