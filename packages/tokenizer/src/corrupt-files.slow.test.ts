/** Corrupt files of a byte-level tokenizer. `npm run fuzz` tests the same for longer, with limits of time and memory. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { mutateJson } from "../test-support/mutate-json.mjs";
import { trainBpeTokenizer } from "./learn/bpe-files.js";
import { loadTokenizer } from "./load-tokenizer.js";
import { TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from "./files/tokenizer-files.js";
import type { Tokenizer } from "./interface/tokenizer.js";

const CASES = 400;
const TEXTS = ["dim the lights", '{"name": "x", "arguments": {"room": "Küche"}}', "漢字 👍🏽\n\0"];

const files = await trainBpeTokenizer(
  [{ source: "dim the kitchen lights in the kitchen", target: '{"name": "dim", "arguments": {}}' }],
  { vocabularySize: 300, minCount: 1, spaces: "joined", sourceLowercase: true },
);
const texts: Readonly<Record<string, string>> = {
  [TOKENIZER_FILE]: JSON.stringify(files.tokenizer),
  [TOKENIZER_CONFIG_FILE]: JSON.stringify(files.config),
};

const directory = temporaryFolder();

/** The outcome of a use: its result, or the code of its error. */
async function outcomeOf<T>(use: () => T | Promise<T>): Promise<T | { readonly rejected: string }> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof SlmError) return { rejected: error.code };
    throw error;
  }
}

async function useAll(tokenizer: Tokenizer): Promise<void> {
  for (const text of TEXTS) {
    const ids = await outcomeOf(() => tokenizer.encodeTarget(text));
    if ("rejected" in ids) continue;
    for (const id of ids) expect(id).toBeLessThan(tokenizer.vocabularySize);
    const decoded = await outcomeOf(() => tokenizer.decode(ids));
    if (typeof decoded !== "string") expect(decoded).toHaveProperty("rejected");
  }
}

describe(loadTokenizer, () => {
  test("loads corrupt files or rejects them with a code, and loaded tokenizers work", async () => {
    const outcomes = { loaded: 0, rejected: 0 };
    for (let seed = 1; seed <= CASES; seed++) {
      const corrupt = seed % 4 === 0 ? TOKENIZER_CONFIG_FILE : TOKENIZER_FILE;
      for (const [name, text] of Object.entries(texts)) {
        await writeFile(join(directory, name), name === corrupt ? mutateJson(text, seed) : text);
      }
      const tokenizer = await outcomeOf(() => loadTokenizer(directory));
      if ("rejected" in tokenizer) {
        expect(tokenizer.rejected, `seed ${seed}`).toBe("DATA_INVALID");
        outcomes.rejected++;
      } else {
        await useAll(tokenizer);
        outcomes.loaded++;
      }
    }
    // The test would show nothing if every mutation loaded, or none.
    expect(outcomes.loaded).toBeGreaterThan(CASES / 20);
    expect(outcomes.rejected).toBeGreaterThan(CASES / 20);
  });
});
