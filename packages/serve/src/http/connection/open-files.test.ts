import { expect, test } from "vitest";
import { connectionsFor } from "./open-files.js";

test("leaves files for the model and the system, and says where there are too few", () => {
  expect(connectionsFor(1024, Infinity)).toBe(1024);
  expect(connectionsFor(1024, 1024)).toBe(896);
  expect(connectionsFor(100, 1024)).toBe(100);
  expect(connectionsFor(20)).toBe(20);
  expect(() => connectionsFor(1024, 100)).toThrow("leaves no room");
});
