import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { dataConfig, prepareData, readAllRows, sourceKey, SPLITS } from "@slm/data";
import fc from "fast-check";
import { expect, describe, test } from "vitest";
import { brightness } from "../shared/bitmap.js";
import { openTypeface } from "../shared/fonts.js";
import { boxOf } from "../shared/outline.js";
import { drawLine, layOut } from "./draw-line.js";
import { MIN_CONTRAST } from "./line-look.js";
import { examples, linePicture, settings } from "./dataset.js";

const module = fileURLToPath(new URL("./dataset.ts", import.meta.url));
const settingsOf = (given: object = {}) => settings.parse(given);
const someLine = fc.integer({ min: 1, max: 1_000_000 });
const someSeed = fc.nat(1000);

describe(drawLine, () => {
  test("draws every line inside the image, for any size, text and look", async () => {
    const sizes = fc.constantFrom(
      { width: 320, height: 32 },
      { width: 160, height: 16 },
      { width: 640, height: 48 },
    );
    await fc.assert(
      fc.asyncProperty(someSeed, someLine, sizes, async (seed, line, size) => {
        const picture = linePicture(settingsOf({ seed, ...size }), line);
        const box = boxOf(layOut(await openTypeface(picture.look.face), picture))!;
        expect(Math.min(box.left, box.top)).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(box.right).toBeLessThanOrEqual(size.width - 1 + 1e-9);
        expect(box.bottom).toBeLessThanOrEqual(size.height - 1 + 1e-9);
      }),
      { numRuns: 300 },
    );
  });

  test("keeps contrast between ink and paper, also in the pixels", async () => {
    const given = settingsOf({ colour: "rgb" });
    for (let line = 1; line <= 60; line++) {
      const picture = linePicture(given, line);
      const { ink, paper, second } = picture.look;
      for (const one of [paper, second])
        expect(Math.abs(brightness(one) - brightness(ink))).toBeGreaterThanOrEqual(MIN_CONTRAST);
      const plain = { ...picture.look, background: "plain", blur: 0, noise: 0 } as const;
      const { data } = await drawLine({ ...picture, look: plain });
      const colours = new Set(Array.from({ length: data.length / 3 }, (_, at) => data[3 * at]!));
      expect(colours.has(paper[0])).toBe(true);
      expect(colours.size).toBeGreaterThan(4);
    }
  });
});

describe(examples, () => {
  const root = temporaryFolder();

  test("generates lines of the requested length without outer spaces; more rows keep the first ones", () => {
    const texts = [...examples(settingsOf({ rows: 3000, maxCharacters: 20 }))].map(({ target }) => target);
    for (const text of texts) {
      expect(text).toBe(text.trim());
      expect(text).toMatch(/^[\x20-\x7e€£]{1,20}$/);
    }
    expect(new Set(texts).size).toBeGreaterThan(2700);
    expect([...examples(settingsOf({ rows: 1, maxCharacters: 20 }))]).toMatchObject([{ target: texts[0] }]);
  });

  test("no text is in two splits, in any case or spacing, and a recipe always has the same rows", async () => {
    const config = dataConfig.parse({
      source: { module, rows: 400, width: 96, height: 16, maxCharacters: 8, seed: 3 },
      testFraction: 0.2,
      devFraction: 0.2,
    });
    const reports = await Promise.all(["a", "b"].map((name) => prepareData(config, join(root, name))));
    expect(reports[0]).toEqual(reports[1]);
    const owners = new Map<string, string>();
    let rows = 0;
    for (const split of SPLITS) {
      const own = await readAllRows(join(root, "a", `${split}.jsonl`));
      expect(await readAllRows(join(root, "b", `${split}.jsonl`))).toEqual(own);
      for (const { target, teacherSource } of own) {
        rows++;
        expect(teacherSource).toBe(target);
        expect(owners.get(sourceKey(target)) ?? split).toBe(split);
        owners.set(sourceKey(target), split);
      }
    }
    expect(rows).toBe(400);
  });
});
