import { expect, test } from "vitest";
import { connectionsFor } from "./open-files.js";

test("reserves files for the model and the system, and rejects a limit that is too low", () => {
  expect(connectionsFor(1024, Infinity)).toBe(1024);
  expect(connectionsFor(1024, 1024)).toBe(896);
  expect(connectionsFor(100, 1024)).toBe(100);
  expect(connectionsFor(20)).toBe(20);
  expect(() => connectionsFor(1024, 100)).toThrow("leaves no room");
});
