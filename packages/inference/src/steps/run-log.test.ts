import { expect, test } from "vitest";
import { RunLog } from "./run-log.js";

function logOf(...tokens: readonly number[]): RunLog {
  const log = new RunLog();
  for (const [at, count] of tokens.entries()) log.add(10 * at, count);
  return log;
}

test("a log reports how many runs returned the first tokens", () => {
  const log = logOf(2, 1, 4);
  expect([1, 2, 3, 4, 7, 9].map((tokens) => log.runsFor(tokens))).toEqual([1, 1, 2, 3, 3, 3]);
});

test("a log drops later runs, and the excess tokens of its last run", () => {
  const log = logOf(2, 1, 4);
  log.truncate(5);
  expect(log.ends).toEqual([0, 10, 20]);
  log.add(30, 1);
  expect(log.runsFor(5)).toBe(3);
  expect(log.runsFor(6)).toBe(4);
  log.truncate(0);
  expect(log.ends).toEqual([]);
});
