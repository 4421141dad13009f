import { expect, test, vi } from "vitest";

const note = (): void => undefined;
const loaded = vi.hoisted(() => ({ isLoaded: false }));
vi.mock("@slm/extension-workers", () => {
  loaded.isLoaded = true;
  return { redisAddress: (url: string) => ({ url }), requireTrust: () => "key" };
});

test("BullMQ and its clients are loaded when workers are asked for, and not before", async () => {
  await import("../index.js");
  await import("../sweep/sweep-recipe.js");
  await import("../sweep/worker-trials.js");
  await import("./evaluation-workers.js");
  await import("@slm/pipeline/workers/cache-workers");
  await import("@slm/pipeline/workers/calibration-workers");
  const { workersOf } = await import("@slm/pipeline/workers/workers-address");
  expect(await workersOf({}, note)).toBeUndefined();
  expect(loaded.isLoaded).toBe(false);
  expect(await workersOf({ workers: "redis://queue", storage: "shared" }, note)).toEqual({
    redis: { url: "redis://queue" },
    storage: "shared",
    key: "key",
  });
  expect(loaded.isLoaded).toBe(true);
});
