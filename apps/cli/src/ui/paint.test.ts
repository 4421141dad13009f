import { SlmError } from "@slm/core/errors";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { errorLines } from "./errors.js";
import { paintFor } from "./paint.js";

const terminal = { isTTY: true };

describe(paintFor, () => {
  test.each([
    ["a terminal", terminal, {}, true],
    ["a pipe", {}, {}, false],
    ["a terminal with NO_COLOR", terminal, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR, as if it were not set", terminal, { NO_COLOR: "" }, true],
    ["a dumb terminal", terminal, { TERM: "dumb" }, false],
    ["a pipe with FORCE_COLOR", {}, { FORCE_COLOR: "1" }, true],
    ["a terminal with FORCE_COLOR=0", terminal, { FORCE_COLOR: "0" }, false],
    ["FORCE_COLOR against NO_COLOR", terminal, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ])("%s", (_, stream, environment, isColoured) => {
    expect(paintFor(stream, environment)("text", "red") !== "text").toBe(isColoured);
  });
});

test("an error is coloured by its parts, and has the same text without colours", () => {
  const error = new SlmError("INPUT_MISSING", "no such file: a", { suggestions: ["slm run R"] });
  const coloured = errorLines(error, false, paintFor(terminal, {}));
  const plain = errorLines(error, false);
  expect(coloured[0]).toBe("\u001b[31m\u001b[1mError (INPUT_MISSING):\u001b[22m\u001b[39m no such file: a");
  expect(coloured.map(stripVTControlCharacters)).toEqual(plain);
});
