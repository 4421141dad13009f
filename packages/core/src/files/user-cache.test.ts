import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { userCacheFolder } from "./user-cache.js";

test("is in LOCALAPPDATA on Windows, in ~/.cache elsewhere, and where XDG_CACHE_HOME says", () => {
  vi.stubEnv("XDG_CACHE_HOME", "");
  vi.stubEnv("LOCALAPPDATA", "local");
  expect(userCacheFolder("win32")).toBe(join("local", "slm"));
  expect(userCacheFolder("linux")).toBe(join(homedir(), ".cache", "slm"));
  vi.stubEnv("XDG_CACHE_HOME", "given");
  for (const platform of ["win32", "linux"] as const)
    expect(userCacheFolder(platform)).toBe(join("given", "slm"));
});
