import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, readAllRows, SPLITS } from "@slm/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boxOf } from "../shared/outline.js";
import { barBox, LABELS } from "./chart-scene.js";
import { guessWithoutPicture } from "./guess.js";
import { conclude } from "./testing/conclude.js";
import { recount } from "./testing/recount.js";
import { COLOUR_NAMES, FIGURE_NAMES, outlinesOfShape } from "./shapes-scene.js";
import { sceneRow, settings, type SceneRow } from "./dataset.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));
const settingsOf = (given: object = {}) => settings.parse(given);
const rowsOf = (count: number, given = settingsOf()): readonly SceneRow[] =>
  Array.from({ length: count }, (_, index) => sceneRow(given, index + 1));
const ROWS = rowsOf(16_000);
const root = temporaryFolder({ each: true });

describe(sceneRow, () => {
  test("answers agree with a recount from only the words of the scene and the question", () => {
    for (const { truth, question } of ROWS)
      expect([truth, question.source, recount(truth, question.source)]).toEqual([
        truth,
        question.source,
        question.target,
      ]);
  });

  /** Approximate number of equally likely answers per kind. */
  const CHANCE: Readonly<Record<string, number>> = {
    colour: 1 / COLOUR_NAMES.length,
    figure: 1 / FIGURE_NAMES.length,
    count: 1 / 6,
    exists: 1 / 2,
    relation: 1 / 2,
    compare: 1 / 2,
    size: 1 / 2,
    value: 1 / 10,
    extreme: 1 / LABELS.length,
    difference: 1 / 6,
    more: 1 / 2,
    bars: 1 / 3,
  };

  test("no question reveals its answer: the best guess without the image is near chance", () => {
    const asked = ROWS.map(({ question }) => question);
    const half = asked.length / 2;
    const guesses = guessWithoutPicture(asked.slice(0, half), asked.slice(half));
    expect(guesses.map(({ kind }) => kind).sort()).toEqual(Object.keys(CHANCE).sort());
    for (const { kind, right, rows } of guesses) {
      const chance = CHANCE[kind]!;
      // Three standard deviations of a share, and a margin because charts have distinct values.
      const margin = 0.02 + 3 * Math.sqrt((chance * (1 - chance)) / rows);
      expect([kind, right <= chance + margin], `${kind}: ${right} of ${rows}`).toEqual([kind, true]);
    }
  });
});

describe("scenes", () => {
  test("shapes are inside the image and do not touch; labels and bars do not overlap", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.integer({ min: 1, max: 100_000 }), (seed, line) => {
        const { scene } = sceneRow(settingsOf({ seed }), line);
        const boxes =
          scene.topic === "shapes"
            ? scene.shapes.map((shape) => boxOf(outlinesOfShape(shape, 96))!)
            : scene.bars.map(({ value }, index) => barBox(value, index, scene.bars.length, 96));
        for (const [index, box] of boxes.entries()) {
          expect(Math.min(box.left, box.top)).toBeGreaterThanOrEqual(0);
          expect(Math.max(box.right, box.bottom)).toBeLessThanOrEqual(96);
          for (const other of boxes.slice(index + 1)) {
            const meets =
              box.left < other.right &&
              other.left < box.right &&
              box.top < other.bottom &&
              other.top < box.bottom;
            expect(meets).toBe(false);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("no scene is in two splits, and rows of a scene share one file", async () => {
    const config = dataConfig.parse({
      source: { module, rows: 400, pixels: 48 },
      testFraction: 0.2,
      devFraction: 0.2,
    });
    const report = await prepareData(config, root);
    const owners = new Map<string, string>();
    for (const split of SPLITS) {
      for (const { source, teacherSource, image } of await readAllRows(join(root, `${split}.jsonl`))) {
        const truth = teacherSource!.slice(0, -`. ${source}`.length);
        const owner = `${split} ${image!}`;
        expect(owners.get(truth) ?? owner).toBe(owner);
        owners.set(truth, owner);
      }
    }
    expect(report.images!.files).toBe(100);
    expect(owners.size).toBe(100);
  });
});

describe("rationales", () => {
  const split = (row: { readonly target: string }): readonly string[] => row.target.split(" #### ");

  test("precede the same answers, in every split", async () => {
    const rowsWith = async (rationales: boolean): Promise<readonly (readonly string[])[]> => {
      const source = { module, rows: 120, pixels: 48, rationales };
      const out = join(root, String(rationales));
      await prepareData(dataConfig.parse({ source, devFraction: 0.2, testFraction: 0.2 }), out);
      const rows = await Promise.all(SPLITS.map((one) => readAllRows(join(out, `${one}.jsonl`))));
      return rows.flat().map(split);
    };
    const [plain, reasoned] = [await rowsWith(false), await rowsWith(true)];
    expect(reasoned.map(([, answer]) => answer)).toEqual(plain.map(([answer]) => answer));
  });

  test("determine the answer by their marks and findings alone", () => {
    for (const { question } of ROWS.slice(0, 4000))
      expect([question.rationale, conclude(question)]).toEqual([question.rationale, question.target]);
  });
});
