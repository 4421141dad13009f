import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sourceKey } from "@slm/data";
import { SourceGuard } from "./source-guard.js";

const directory = temporaryFolder();

async function guardOf(
  splits: Readonly<Record<"train" | "dev" | "test", readonly string[]>>,
): Promise<SourceGuard> {
  for (const [split, sources] of Object.entries(splits)) {
    const lines = sources.map((source) => `${JSON.stringify({ source, target: "X" })}\n`);
    await writeFile(join(directory, `${split}.jsonl`), lines.join(""));
  }
  return SourceGuard.read(directory);
}

const nearly = fc
  .array(fc.constantFrom("play", "the", "song", "by", "Adele", "now"), { minLength: 1, maxLength: 6 })
  .map((words) => words.join(" "));

describe(SourceGuard, () => {
  test("leaves out sources of any split in any form, and duplicates", async () => {
    const guard = await guardOf({ train: ["known"], dev: ["held  out"], test: ["Test"] });
    const sources = ["KNOWN", "Held out", "test", "new", "NEW ", "other"];
    expect(sources.map((source) => guard.reasonFor(source))).toEqual([
      "known",
      "heldOut",
      "heldOut",
      undefined,
      "duplicate",
      undefined,
    ]);
  });

  test("never passes a held-out source", async () => {
    const property = fc.asyncProperty(
      fc.array(nearly),
      fc.array(nearly),
      fc.array(nearly),
      async (dev, tests, sources) => {
        const guard = await guardOf({ train: [], dev, test: tests });
        const passed = sources.filter((source) => guard.reasonFor(source) === undefined);
        const heldOut = new Set([...dev, ...tests].map(sourceKey));
        expect(passed.filter((source) => heldOut.has(sourceKey(source)))).toEqual([]);
        expect(new Set(passed.map(sourceKey)).size).toBe(passed.length);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});
