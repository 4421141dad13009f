import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { curveOf, keysOf, lastStep, parseRunLog, readRunLog } from "./run-log.js";

const textOf = (...records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

describe(parseRunLog, () => {
  test("returns every number of the log as a curve over its steps", () => {
    const log = parseRunLog(
      textOf({ step: 20, loss: 3, wallTime: 9.5 }, { step: 20, "dev.x": 0.5 }, { step: 40, loss: 2 }),
    );
    expect(keysOf(log)).toEqual(["loss", "dev.x"]);
    expect(curveOf(log, "loss")).toEqual([
      [20, 3],
      [40, 2],
    ]);
    expect(curveOf(log, "dev.x")).toEqual([[20, 0.5]]);
    expect(log.records.map(({ wallTime }) => wallTime)).toEqual([9.5, undefined, undefined]);
    expect([lastStep(log), log.unreadable]).toEqual([40, 0]);
  });

  test("ignores the last line of a killed run, and nothing else without saying so", () => {
    const good = textOf({ step: 1, loss: 3 });
    expect(parseRunLog(`${good}{"step":2,"lo`)).toMatchObject({ records: [{ step: 1 }], unreadable: 0 });
    expect(parseRunLog(`${good}{"step":2,"lo\n${good}`)).toMatchObject({ unreadable: 1 });
    const broken = [
      '{"step":NaN}',
      '{"step":-1}',
      '{"step":1.5}',
      '{"loss":1}',
      '{"step":"3"}',
      "[]",
      "null",
    ];
    expect(parseRunLog(`${broken.join("\n")}\n`)).toEqual({ records: [], unreadable: broken.length });
  });

  test("leaves a gap where a value is not finite", () => {
    const log = parseRunLog('{"step":1,"a":1,"b":"x","c":true}\n{"step":2,"a":null}\n{"step":3,"a":1e999}\n');
    expect(keysOf(log)).toEqual(["a"]);
    expect(curveOf(log, "a")).toEqual([[1, 1]]);
    expect(lastStep(log)).toBe(3);
  });

  test("keeps the last line of a step that was logged twice, and sorts steps", () => {
    const log = parseRunLog(textOf({ step: 2, a: 1 }, { step: 1, a: 5 }, { step: 2, a: 3 }));
    expect(curveOf(log, "a")).toEqual([
      [1, 5],
      [2, 3],
    ]);
  });

  test("reads any text without failing", () => {
    const line = fc.oneof(fc.json(), fc.string(), fc.constant('{"step":1,"__proto__":2,"constructor":3}'));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const log = parseRunLog(lines.join("\n"));
        for (const key of keysOf(log)) expect(curveOf(log, key).length).toBeGreaterThan(0);
      }),
    );
  });
});

describe(readRunLog, () => {
  const root = temporaryFolder();

  test("rejects a missing log, and a file that is not a log", async () => {
    const file = join(root, "metrics.jsonl");
    await expect(readRunLog(file)).rejects.toMatchObject({ code: "INPUT_MISSING" });
    await writeFile(file, "hello\nworld\n");
    await expect(readRunLog(file)).rejects.toThrow(withCode("DATA_INVALID"));
    await writeFile(file, "");
    expect(await readRunLog(file)).toEqual({ records: [], unreadable: 0 });
  });
});
