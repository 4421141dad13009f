import { expect, test } from "vitest";
import { shellWord } from "./shell-word.js";

test.each([
  ["runs/my-task/data.csv", "runs/my-task/data.csv"],
  ["my runs/data.csv", "'my runs/data.csv'"],
  ["it's.csv", `'it'\\''s.csv'`],
  ["a;rm.csv", "'a;rm.csv'"],
  ["", "''"],
])("%j is %j in a command", (text, word) => {
  expect(shellWord(text, "linux")).toBe(word);
});

test.each([
  ["C:\\runs\\a.csv", "C:\\runs\\a.csv"],
  ["C:\\Program Files\\a.csv", '"C:\\Program Files\\a.csv"'],
  ["it's.csv", `"it's.csv"`],
])("%j is %j in a command on Windows", (text, word) => {
  expect(shellWord(text, "win32")).toBe(word);
});
