import { expect, test } from "vitest";
import { copyFailure } from "./copy-files.js";

const failed = (code: string): Error =>
  Object.assign(new Error(code), {
    code,
    syscall: "copyfile",
    path: "export/graph.onnx",
    dest: "bundle/graph.onnx",
  });

test("the error of a full disk names the target, not the source", () => {
  expect(copyFailure(failed("ENOSPC"), "bundle/graph.onnx")).toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("cannot write bundle/graph.onnx: no space is left") as string,
  });
  const missing = failed("ENOENT");
  expect(copyFailure(missing, "bundle/graph.onnx")).toBe(missing);
});
