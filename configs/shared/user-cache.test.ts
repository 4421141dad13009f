import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sourceFolder } from "./user-cache.js";

const root = temporaryFolder({ each: true });
beforeEach(() => {
  vi.stubEnv("SLM_CACHE", root);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test("a fetched source is found in the user's cache", async () => {
  const folder = join(root, "data", "debian-bookworm");
  await mkdir(folder, { recursive: true });
  expect(sourceFolder("debian-bookworm", undefined, "/tasks/synopsis")).toBe(folder);
});

test("a folder in the recipe takes precedence, relative to the task's folder", async () => {
  await mkdir(join(root, "index"));
  expect(sourceFolder("debian-bookworm", "../index", join(root, "task"))).toBe(join(root, "index"));
});

test("a source that was not fetched is an error with the command that fetches it", () => {
  expect(() => sourceFolder("cldr-dates-full-48.2.0", undefined, root)).toThrow(
    expect.objectContaining({ code: "INPUT_MISSING", suggestions: ["node tools/data/fetch.mjs cldr"] }),
  );
});
