import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sourceKey } from "@slm/data";
import { jaccard, SimilarTexts, trigrams } from "./similar-texts.js";
import { SourceGuard } from "./source-guard.js";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "guard-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function guardOf(
  splits: Readonly<Record<"train" | "dev" | "test", readonly string[]>>,
  similarity?: number,
): Promise<SourceGuard> {
  for (const [split, sources] of Object.entries(splits)) {
    const lines = sources.map((source) => `${JSON.stringify({ source, target: "X" })}\n`);
    await writeFile(join(directory, `${split}.jsonl`), lines.join(""));
  }
  return SourceGuard.read({ dataDirectory: directory, similarity });
}

const nearly = fc
  .array(fc.constantFrom("play", "the", "song", "by", "Adele", "now"), { minLength: 1, maxLength: 6 })
  .map((words) => words.join(" "));

describe(SimilarTexts, () => {
  test("finds exactly the texts that a comparison with every text finds", () => {
    const property = fc.property(
      fc.array(fc.oneof(nearly, fc.string({ maxLength: 12 })), { maxLength: 12 }),
      fc.oneof(nearly, fc.string({ maxLength: 12 })),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      (texts, query, threshold) => {
        const expected = texts.some((text) => jaccard(trigrams(text), trigrams(query)) >= threshold - 1e-9);
        expect(new SimilarTexts(texts, threshold).has(query)).toBe(expected);
        const [first, second] = [texts.slice(0, 3), texts.slice(3)] as const;
        const grown = new SimilarTexts(first, threshold);
        for (const text of second) grown.add(text);
        expect(grown.has(query)).toBe(expected);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  test("does not mind case, Unicode form or spacing", () => {
    expect(new SimilarTexts(["Caf\u00e9  noir"], 1).has("cafe\u0301 NOIR")).toBe(true);
    expect(new SimilarTexts(["Caf\u00e9 noir"], 1).has("cafe noir")).toBe(false);
  });
});

describe(SourceGuard, () => {
  test("leaves out what a split has in any form, and what it has seen", async () => {
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

  test("with a similarity also leaves out what resembles a held-out source, but not what resembles a training source", async () => {
    const splits = {
      train: ["turn on the light in the hall"],
      dev: ["play the song hello by adele"],
      test: ["book a table for two"],
    };
    const asked = [
      "play the song hello by Adele!",
      "turn on the lights in the hall",
      "book a table for four people",
    ];
    const near = await guardOf(splits, 0.8);
    expect(asked.map((source) => near.reasonFor(source))).toEqual(["heldOut", undefined, undefined]);
    const exact = await guardOf(splits);
    expect(asked.map((source) => exact.reasonFor(source))).toEqual([undefined, undefined, undefined]);
  });

  test("never lets a held-out source through, whatever the sources and the similarity", async () => {
    const property = fc.asyncProperty(
      fc.array(nearly),
      fc.array(nearly),
      fc.array(nearly),
      fc.option(fc.double({ min: 0.3, max: 1, noNaN: true }), { nil: undefined }),
      async (dev, tests, sources, similarity) => {
        const guard = await guardOf({ train: [], dev, test: tests }, similarity);
        const passed = sources.filter((source) => guard.reasonFor(source) === undefined);
        const heldOut = new Set([...dev, ...tests].map(sourceKey));
        expect(passed.filter((source) => heldOut.has(sourceKey(source)))).toEqual([]);
        expect(new Set(passed.map(sourceKey)).size).toBe(passed.length);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});
