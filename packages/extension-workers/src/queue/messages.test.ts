import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { expect, test } from "vitest";
import { failureText, jobMessage, readFailure, requireSmall } from "./messages.js";

test("an error keeps its code on the way through Redis, and a long message is cut", () => {
  const text = failureText(new SlmError("OUTPUT_FAILED", `the disk is full: ${"x".repeat(5000)}`));
  expect(text.length).toBeLessThanOrEqual(1000);
  expect(readFailure(text)).toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringMatching(/^the disk/u) as string,
  });
});

test("a process that died, a bug and a code of another version have no code", () => {
  for (const text of [
    "Unexpected exit code: null signal: SIGKILL",
    "[UNEXPECTED] a bug",
    "[NEWER_CODE] what",
  ])
    expect(readFailure(text)).toEqual({ code: undefined, message: text });
  expect(failureText(new RangeError("no"))).toBe("RangeError: no");
});

test("messages of more than 4 KiB do not travel", () => {
  expect(() => {
    requireSmall({ text: "x".repeat(4096) }, "a message");
  }).toThrow(withCode("UNEXPECTED"));
  expect(() => {
    requireSmall({ text: "x".repeat(4000) }, "a message");
  }).not.toThrow();
});

test("a message that names a folder outside its run is refused", () => {
  const message = { run: "../other", inputs: {}, settings: {} };
  expect(jobMessage.safeParse(message).success).toBe(false);
  expect(jobMessage.safeParse({ ...message, run: "cache-0123456789abcdef" }).success).toBe(true);
});
