import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { JsonLog } from "./json-log.js";

const root = temporaryFolder({ each: true });
async function writeSteps(path: string, from: number, to: number): Promise<void> {
  const log = await JsonLog.open(path, { keepThroughStep: from - 1 });
  for (let step = from; step <= to; step++) await log.append({ step, loss: 1 / step });
  await log.close();
}

describe(JsonLog, () => {
  test("of a resumed run equals the log of an uninterrupted run", async () => {
    await writeSteps(join(root, "whole"), 1, 9);
    await writeSteps(join(root, "resumed"), 1, 6);
    await writeSteps(join(root, "resumed"), 5, 9);
    expect(await readFile(join(root, "resumed"), "utf8")).toBe(await readFile(join(root, "whole"), "utf8"));
  });

  test("removes a line that a kill cut off, and lines that are not records", async () => {
    await writeFile(join(root, "log"), '{"step":1}\n[]\nnonsense\n{"step":"2"}\n{"step":3}\n{"step":4,"lo');
    await (await JsonLog.open(join(root, "log"), { keepThroughStep: 100 })).close();
    expect(await readFile(join(root, "log"), "utf8")).toBe('{"step":1}\n{"step":3}\n');
  });
});
