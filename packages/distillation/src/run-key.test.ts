import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { STATE_FILE } from "@slm/training";
import { describe, expect, test } from "vitest";
import { modelHash } from "./sources/content-hashes.js";
import { claimWorkDirectory } from "./run-key.js";

const directory = temporaryFolder({ each: true });

const put = async (name: string, text: string): Promise<void> => {
  await mkdir(join(directory, name, ".."), { recursive: true });
  await writeFile(join(directory, name), text);
};

describe(modelHash, () => {
  test("changes with every file that affects the model's output, including ensemble members", async () => {
    const seen = new Set<string>();
    for (const [name, text] of [
      ["model.safetensors", "1"],
      ["model.safetensors", "2"],
      ["config.json", "{}"],
      ["tokenizer.json", "{}"],
      ["members/one/model.safetensors", "3"],
    ] as const) {
      await put(name, text);
      seen.add(await modelHash(directory));
    }
    expect(seen.size).toBe(5);
  });

  test("does not change with descriptive files or the location", async () => {
    await put("model.safetensors", "1");
    const before = await modelHash(directory);
    await put("manifest.json", "{}");
    await put("metrics.jsonl", "{}");
    expect(await modelHash(directory)).toBe(before);
    await put("elsewhere/model.safetensors", "1");
    expect(await modelHash(join(directory, "elsewhere"))).toBe(before);
  });
});

describe(claimWorkDirectory, () => {
  test("replaces the key of another run that saved nothing", async () => {
    await claimWorkDirectory(directory, "one");
    await claimWorkDirectory(directory, "other");
    await put(STATE_FILE, "");
    await expect(claimWorkDirectory(directory, "one")).rejects.toThrow(withCode("DATA_INVALID"));
  });
});
