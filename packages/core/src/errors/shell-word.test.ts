import { expect, test } from "vitest";
import { shellWord } from "./shell-word.js";

test.each([
  ["runs/my-task/data.csv", "runs/my-task/data.csv"],
  ["my runs/data.csv", "'my runs/data.csv'"],
  ["it's.csv", `'it'\\''s.csv'`],
  ["a;rm.csv", "'a;rm.csv'"],
  ["", "''"],
])("%j is %j in a command", (text, word) => {
  expect(shellWord(text)).toBe(word);
});
