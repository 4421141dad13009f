import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { IMPORTERS } from "@slm/checkpoints";
import { DATA_FORMATS, formatByEnding } from "@slm/data";
import { defineMetric, isMetricName, METRIC_ROWS, metricName, METRICS } from "@slm/metrics";
import { TRACKERS } from "@slm/report";
import { afterEach, describe, expect, test } from "vitest";
import * as own from "./index.js";
import { provideLibrary } from "@slm/core/library";
import { defineExtension, useExtension, useExtensions } from "./index.js";

const length = defineMetric({
  description: "Mean number of characters of an answer.",
  unit: "points",
  higherIsBetter: true,
  source: "none",
  references: "any",
  countRow: (prediction) => prediction.length,
  score: (counts) => counts.reduce((sum, one) => sum + one, 0) / counts.length,
});

const NAME = "test-extension";
afterEach(() => {
  useExtension({ name: NAME });
});

describe(useExtension, () => {
  test("adds a metric that recipes accept, and computes it", () => {
    expect(metricName.safeParse("answerLength").success).toBe(false);
    useExtension(defineExtension({ name: NAME, metrics: { answerLength: length } }));
    expect(metricName.parse("answerLength")).toBe("answerLength");
    const [name] = ["answerLength"].filter(isMetricName);
    expect(METRICS[name!].compute(["ab", "abcd"], [["x"], ["y"]])).toBe(3);
  });

  test("adds a data format that the end of a file's name means", () => {
    const format = { ...DATA_FORMATS.rows["jsonl"]!, extensions: [".rows"] };
    useExtension({ name: NAME, dataFormats: { rows: format } });
    expect(formatByEnding("mail.ROWS")).toBe("rows");
  });

  test("replaces its own rows, and takes none of ours nor of another extension", () => {
    useExtension({ name: NAME, metrics: { one: length, two: length } });
    useExtension({ name: NAME, metrics: { two: length } });
    expect([METRIC_ROWS.has("one"), METRIC_ROWS.has("two")]).toEqual([false, true]);
    expect(() => {
      useExtension({ name: "other", metrics: { two: length } });
    }).toThrow(withCode("CONFIG_INVALID"));
    expect(() => {
      useExtension({ name: "other", metrics: { wer: length } });
    }).toThrow(withCode("CONFIG_INVALID"));
  });

  test.each([
    ["an unknown kind", { name: NAME, teachers: {} }, "got 'teachers'"],
    ["a row that lacks a part", { name: NAME, trackers: { mine: {} } }, "record is missing"],
    ["a name with spaces", { name: NAME, metrics: { "my metric": length } }, "got 'my metric'"],
  ])("rejects %s, and adds nothing", (_what, extension, message) => {
    const before = [METRIC_ROWS.names, TRACKERS.names, IMPORTERS.names];
    expect(() => {
      useExtension(extension as own.Extension);
    }).toThrow(message);
    expect([METRIC_ROWS.names, TRACKERS.names, IMPORTERS.names]).toEqual(before);
  });
});

describe(useExtensions, () => {
  const folder = temporaryFolder();
  provideLibrary(() => Promise.resolve(own));
  const load = (...names: readonly string[]): Promise<void> => useExtensions(names, folder);

  test("runs TypeScript that imports us, files and installed packages alike", async () => {
    const text = (kind: string): string =>
      `import { defineExtension, type Extension } from "@encdec/slm";
       const record = async (run: { name: string }): Promise<object> => ({ run: run.name });
       export default defineExtension({ name: "${NAME}-${kind}", trackers: { ${kind}: { record } } }) satisfies Extension;`;
    await writeFile(join(folder, "tracker.ts"), text("file"));
    await mkdir(join(folder, "node_modules", "tracker"), { recursive: true });
    await writeFile(join(folder, "node_modules", "tracker", "package.json"), '{"main":"main.ts"}');
    await writeFile(join(folder, "node_modules", "tracker", "main.ts"), text("package"));
    await load("tracker.ts", "tracker");
    expect(TRACKERS.names).toEqual(expect.arrayContaining(["file", "package"]));
    for (const kind of ["file", "package"]) useExtension({ name: `${NAME}-${kind}` });
  });

  test("says which module is missing, throws or exports no extension", async () => {
    await writeFile(join(folder, "throws.ts"), 'throw new Error("no licence");');
    await writeFile(join(folder, "other.ts"), "export default 3;");
    await expect(load("./missing.ts")).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await expect(load("throws.ts")).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: "extensions: throws.ts: loading the module threw: no licence",
    });
    await expect(load("other.ts")).rejects.toThrow(withCode("DATA_INVALID"));
  });
});
