/** Run by `node --test tools/suite`. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { cellName, copyCell, finishedCell, twinOf } from "./cell.mjs";
import { clock, timeLeft } from "./progress.mjs";
import { StagePool, stageName } from "./shared-stages.mjs";
import { Stopwatch } from "./stopwatch.mjs";

const folder = mkdtempSync(join(tmpdir(), "suite-"));
after(() => rmSync(folder, { recursive: true }));

test("a stage has one name for equal settings, whatever comes after it", () => {
  const recipe = { seed: 1, data: { labels: 100 }, tokenizer: { kind: "bpe" }, distill: { steps: 1 } };
  const name = (change) => stageName("dates", "tokenizer", { ...recipe, ...change });
  assert.equal(name({}), name({ distill: { steps: 2 }, teacher: { kind: "import" } }));
  assert.notEqual(name({}), name({ data: { labels: 1000 } }));
  assert.notEqual(name({}), name({ seed: 2 }));
});

test("what a cell has made is lent to others as the same files, with what it cost", async () => {
  const [maker, user] = ["maker", "user"].map((name) => join(folder, name));
  mkdirSync(join(maker, "data", "inner"), { recursive: true });
  mkdirSync(user);
  writeFileSync(join(maker, "data", "inner", "rows"), "rows");
  const pool = new StagePool(join(folder, "shared"));
  assert.equal(await pool.lend("name", "data", user), undefined);
  await pool.keep("name", "data", maker, 12);
  assert.equal(await pool.lend("name", "data", user), 12);
  const [one, other] = [maker, user].map((cell) => statSync(join(cell, "data", "inner", "rows")).ino);
  assert.equal(one, other);
});

test("two arms of one recipe are one run", async () => {
  const cell = (arm) => ({ task: "dates", arm, labels: "all", seed: 1 });
  const planned = (arm, recipe) => ({ cell: cell(arm), recipe, key: `key of ${arm}` });
  const [labels, full] = [planned("labels", { steps: 1 }), planned("full", { steps: 1 })];
  assert.equal(twinOf(full, [planned("teacher", { steps: 2 }), labels]), labels);
  assert.equal(twinOf(full, [full, { ...labels, cell: { ...labels.cell, seed: 2 } }]), undefined);
  const of = (arm) => join(folder, "cells", cellName(cell(arm)));
  mkdirSync(of("labels"), { recursive: true });
  writeFileSync(join(of("labels"), "predictions.jsonl"), "rows");
  writeFileSync(join(of("labels"), "cell.json"), JSON.stringify({ key: labels.key, ...labels.cell, n: 9 }));
  const result = await copyCell(full, labels, folder);
  assert.deepEqual(result, { key: full.key, ...full.cell, n: 9 });
  assert.deepEqual(await finishedCell(full, folder), result);
  assert.equal(readFileSync(join(of("full"), "predictions.jsonl"), "utf8"), "rows");
});

test("the time of a stage is counted on where it was killed", async () => {
  const file = join(folder, "seconds.json");
  writeFileSync(file, JSON.stringify({ distill: 100 }));
  const watch = await Stopwatch.open(file);
  await watch.time("distill", async () => undefined);
  assert.ok(watch.secondsOf("distill") >= 100 && watch.secondsOf("distill") < 101);
  assert.ok(JSON.parse(readFileSync(file, "utf8")).distill >= 100);
  assert.equal((await Stopwatch.open(join(folder, "none.json"))).secondsOf("distill"), 0);
});

test("time left is judged by the cells that are most alike", () => {
  const cell = (task, arm, labels) => ({ task, arm, labels });
  const durations = [
    { cell: cell("dates", "labels", 100), seconds: 600 },
    { cell: cell("dates", "full", 100), seconds: 1200 },
  ];
  assert.equal(timeLeft([], [cell("dates", "full", 100)]), "time left unknown");
  assert.equal(timeLeft(durations, [cell("dates", "full", 1000)]), "about 20m left");
  assert.equal(
    timeLeft(durations, [cell("snips", "full", 100), cell("dates", "labels", 100)]),
    "about 25m left",
  );
  assert.equal(clock(7530), "2h 06m");
});
