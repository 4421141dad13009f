import { describe, expect, test } from "vitest";
import { Pace, type PaceClock, type PaceLimits } from "./pace.js";

/** A clock that moves only while somebody sleeps. */
function fakeClock(): PaceClock & { ms: number } {
  const clock = {
    ms: 0,
    now: () => clock.ms,
    sleep: (ms: number) => {
      clock.ms += ms;
      return Promise.resolve();
    },
  };
  return clock;
}

/** Starts of requests with so many tokens each, one after the other [s]. */
async function startsOf(limits: PaceLimits, tokens: readonly number[]): Promise<number[]> {
  const clock = fakeClock();
  const pace = new Pace(limits, clock);
  const { signal } = new AbortController();
  const starts: number[] = [];
  for (const count of tokens) {
    await pace.start(count, signal);
    starts.push(clock.ms / 1000);
  }
  return starts;
}

describe(Pace, () => {
  test("starts everything at once without limits", async () => {
    expect(await startsOf({}, [5, 5, 5])).toEqual([0, 0, 0]);
  });

  test("starts so many requests within any minute", async () => {
    expect(await startsOf({ requestsPerMinute: 2 }, [1, 1, 1, 1, 1])).toEqual([0, 0, 60, 60, 120]);
  });

  test("starts requests of so many tokens within any minute, and one above the limit alone", async () => {
    expect(await startsOf({ tokensPerMinute: 10 }, [6, 4, 1, 25, 1])).toEqual([0, 0, 60, 120, 180]);
  });

  test("starts nothing while the server asks for a pause", async () => {
    const clock = fakeClock();
    const pace = new Pace({}, clock);
    pace.pause(500);
    pace.pause(200);
    await pace.start(1, new AbortController().signal);
    expect(clock.ms).toBe(500);
  });

  test("starts nothing after an interruption", async () => {
    const controller = new AbortController();
    controller.abort(new Error("stopped"));
    await expect(new Pace({}).start(1, controller.signal)).rejects.toThrow("stopped");
  });
});
