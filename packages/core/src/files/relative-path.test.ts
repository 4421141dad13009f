import { posix, win32 } from "node:path";
import { expect, test } from "vitest";
import { portableProblem, storedPath } from "./relative-path.js";

test.each([
  ["CON", /'CON' is the name of a device on Windows/],
  ["runs/nul", /'nul' is the name of a device/],
  ["quickstart.", /ends in a dot or a space/],
  ["a:b", /colon/],
])("%j is not a name on every system", (name, problem) => {
  expect(portableProblem(name)).toMatch(problem);
});

test.each(["console", "auxiliary.txt", "com10", "v1.2", "übung"])("%j is a name on every system", (name) => {
  expect(portableProblem(name)).toBeUndefined();
});

test("a stored path has forward slashes", () => {
  expect(storedPath("C:\\Runs\\a", "C:\\Runs\\a\\decoder\\model.onnx", win32)).toBe("decoder/model.onnx");
  // Windows ignores the case of a drive letter and of names.
  expect(storedPath("C:\\Runs\\a", "c:\\runs\\a\\x", win32)).toBe("x");
  expect(storedPath("/runs/a", "/runs/a/odd\\name", posix)).toBe("odd\\name");
});
