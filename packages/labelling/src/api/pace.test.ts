import { describe, expect, test } from "vitest";
import { Pace } from "./pace.js";

describe(Pace, () => {
  test("starts at once, and nothing while the server asks for a pause", async () => {
    const pace = new Pace();
    const { signal } = new AbortController();
    await pace.start(signal);
    const began = performance.now();
    pace.pause(60);
    pace.pause(20);
    await pace.start(signal);
    expect(performance.now() - began).toBeGreaterThanOrEqual(60);
  });

  test("starts nothing after an interruption", async () => {
    const controller = new AbortController();
    controller.abort(new Error("stopped"));
    await expect(new Pace().start(controller.signal)).rejects.toThrow("stopped");
  });
});
