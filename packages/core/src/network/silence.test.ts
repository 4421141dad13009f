import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Silence } from "./silence.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Waits for a chunk of a body that takes some time [ms]. */
function receive(silence: Silence, ms: number, bytes: number): void {
  silence.begin();
  vi.advanceTimersByTime(ms);
  silence.end();
  silence.heard(bytes);
}

describe("the time without a byte", () => {
  test("starts again with every chunk, so a slow response may take longer in total", () => {
    const silence = new Silence(200, 10_000, undefined);
    for (let chunk = 0; chunk < 8; chunk += 1) receive(silence, 199, 1);
    expect(silence.signal.aborted).toBe(false);
  });

  test("does not include the time that the body's reader takes", () => {
    const silence = new Silence(200, 10_000, undefined);
    receive(silence, 10, 1);
    vi.advanceTimersByTime(60_000);
    receive(silence, 10, 1);
    expect(silence.signal.aborted).toBe(false);
  });
});

describe("the total time", () => {
  test("grows by a second for each KB, so a response that sends enough does not end", () => {
    const silence = new Silence(200, 300, undefined);
    for (let chunk = 0; chunk < 100; chunk += 1) receive(silence, 20, 100);
    expect(silence.signal.aborted).toBe(false);
  });

  test("leaves time to send a body", () => {
    const silence = new Silence(200, 300, "x".repeat(64_000));
    vi.advanceTimersByTime(1199);
    expect(silence.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(silence.signal.aborted).toBe(true);
  });
});
