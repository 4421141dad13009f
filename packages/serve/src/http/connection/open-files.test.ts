import { withCode } from "@slm/core/testing";
import { expect, test, vi } from "vitest";
import { connectionsFor, openFilesLimit } from "./open-files.js";

test("reserves files for the model and the system, and rejects a limit that is too low", () => {
  expect(connectionsFor(1024, Infinity)).toBe(1024);
  expect(connectionsFor(1024, 1024)).toBe(896);
  expect(connectionsFor(100, 1024)).toBe(100);
  expect(connectionsFor(20)).toBe(20);
  expect(() => connectionsFor(1024, 100)).toThrow(withCode("USAGE"));
});

test("Windows has no limit, and Node.js writes no report there, which can end a process with several threads", () => {
  const report = vi.spyOn(process.report, "getReport");
  expect(openFilesLimit("win32")).toBe(Infinity);
  expect(report).not.toHaveBeenCalled();
  expect(openFilesLimit("linux")).toBeGreaterThan(0);
  expect(report).toHaveBeenCalledOnce();
  report.mockRestore();
});
