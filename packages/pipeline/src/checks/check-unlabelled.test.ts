import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { METRICS, tinyRecipe } from "../testing/tiny-run.js";
import { checkUnlabelled } from "./check-unlabelled.js";

const data = temporaryFolder();

const distill = (unlabelledFraction: number): object => ({
  ...tinyRecipe(data).distill,
  metrics: METRICS,
  targets: { unlabelledFraction },
});

describe("sources for a teacher to label", () => {
  test.each([
    ["the student does not learn from them", { distill: distill(0) }, {}],
    ["a finished cache has their labels", { distill: distill(0.5) }, { cache: "run/cache" }],
  ])("are not needed if %s", async (_case, sections, artifacts) => {
    await expect(checkUnlabelled({ sections, artifacts: { data, ...artifacts } })).resolves.toBeUndefined();
  });

  test("are read from the file of stage data", async () => {
    const path = join(data, "unlabelled.jsonl");
    await writeFile(path, '{"source":"ab"}\n');
    const sections = { distill: distill(0.5) };
    const check = (cache?: object): Promise<void> =>
      checkUnlabelled({ sections: { ...sections, cache }, artifacts: { data } });
    await expect(check({})).resolves.toBeUndefined();
    await expect(check()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await writeFile(path, "");
  });
});

test("targets for training sources are missing if the cache does not generate them", async () => {
  const asked = { ...tinyRecipe(data).distill, metrics: METRICS, targets: { sequenceKdFraction: 0.5 } };
  const check = (cache: object): Promise<void> =>
    checkUnlabelled({ sections: { distill: asked, cache }, artifacts: { data } });
  await expect(check({})).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(check({ generate: "greedy" })).resolves.toBeUndefined();
});
