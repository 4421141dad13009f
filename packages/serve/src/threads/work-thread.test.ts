import { withCode } from "@slm/core/testing";
import { getEventListeners } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { WorkThread, type WorkThreadOptions } from "./work-thread.js";

/** A thread that counts its calls and can hang, fail or run out of memory on request. */
const ENTRY = `
  import { parentPort } from "node:worker_threads";
  let calls = 0;
  const acts = {
    work: () => { for (const began = performance.now(); performance.now() - began < 50; ); },
    hang: () => { for (;;); },
    fill: () => { const kept = []; for (;;) kept.push(new Array(1000).fill({})); },
    crash: () => { setImmediate(() => { throw new Error("gone"); }); return undefined; },
  };
  parentPort.on("message", (act) => {
    calls++;
    if (act === "reject") {
      const error = { code: "USAGE", message: "no", context: {}, suggestions: [] };
      parentPort.postMessage({ kind: "failed", error });
    } else if (act === "crash") acts.crash();
    else parentPort.postMessage({ kind: "done", value: acts[act]?.() ?? act + calls });
  });
  parentPort.postMessage({ kind: "started" });
`;

let thread: WorkThread;
function open(options: Partial<WorkThreadOptions> = {}): WorkThread {
  thread = new WorkThread({
    name: "test",
    url: new URL(`data:text/javascript,${encodeURIComponent(ENTRY)}`),
    data: undefined,
    seconds: 0.3,
    maxWaiting: 8,
    waitSeconds: 20,
    memoryMb: 64,
    ...options,
  });
  return thread;
}
const run = (message: string): Promise<unknown> => thread.run({ message });
afterEach(() => thread.close());

describe(WorkThread, () => {
  test("does calls in order, in one thread that starts with the first", async () => {
    open();
    expect(thread.isStarted).toBe(false);
    expect(await Promise.all([run("a"), run("b"), run("c")])).toEqual(["a1", "b2", "c3"]);
  });

  test("fails a call that takes too long, and runs the waiting calls in a new thread", async () => {
    open();
    const calls = [run("a"), run("hang"), run("b"), run("hang"), run("c")];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(outcomes[1]).toMatchObject({ reason: { code: "DATA_INVALID" } });
    expect(outcomes[2]).toMatchObject({ value: "b1" });
  });

  test("blames the client for a call that needs too much memory, and the server for a thread that fails", async () => {
    open({ seconds: 20 });
    const [filled, after, crashed, last] = await Promise.allSettled(
      ["fill", "a", "crash", "b"].map((call) => run(call)),
    );
    expect([filled, crashed]).toMatchObject([
      { reason: { code: "DATA_INVALID" } },
      { reason: { code: "UNEXPECTED" } },
    ]);
    expect([after, last]).toMatchObject([{ value: "a1" }, { value: "b1" }]);
  });

  test("passes on errors of the thread, and rejects calls beyond the queue", async () => {
    open({ maxWaiting: 2 });
    await expect(run("reject")).rejects.toMatchObject({ code: "USAGE", message: "no" });
    const taken = [run("a"), run("b"), run("c")];
    expect(() => run("d")).toThrow(withCode("BUSY"));
    await Promise.all(taken);
  });

  test("ends when nothing was asked of it for a while, and starts again", async () => {
    open({ idleMs: 30 });
    expect(await run("a")).toBe("a1");
    await expect.poll(() => thread.isStarted).toBe(false);
    expect(await run("b")).toBe("b1");
  });

  test("cancels a waiting call when its signal fires", async () => {
    open();
    const leaving = new AbortController();
    const first = run("a");
    const gone = thread.run({ message: "b", signal: leaving.signal });
    const last = run("c");
    leaving.abort(new Error("gone"));
    await expect(gone).rejects.toThrow("gone");
    expect(await Promise.all([first, last])).toEqual(["a1", "c2"]);
  });

  test("listens to a signal only while its call waits", async () => {
    const { signal } = new AbortController();
    open();
    const calls = Array.from({ length: 5 }, () => thread.run({ message: "call", signal }));
    expect(getEventListeners(signal, "abort")).toHaveLength(4); // The first has been started.
    await Promise.all(calls);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("fails a call that waits too long for its turn", async () => {
    open({ seconds: 5, waitSeconds: 0.02 });
    await run("a");
    const [, late] = await Promise.allSettled([run("work"), run("b")]);
    expect(late).toMatchObject({ reason: { code: "BUSY" } });
  });

  test("lets calls that take long wait until they keep to their share of a core", async () => {
    open({ share: 0.25, burstMs: 50, seconds: 5 });
    await run("a");
    const began = performance.now();
    for (let count = 0; count < 4; count++) await run("work");
    // Four times 50 ms, of which the first is the burst; others wait for their three quarters. Without a share it is 200.
    expect(performance.now() - began).toBeGreaterThan(400);
  });

  test("fails calls that wait when it is closed", async () => {
    open({ seconds: 20 });
    const calls = Promise.allSettled([run("hang"), run("a")]);
    await thread.close();
    expect(await calls).toMatchObject([
      { reason: { code: "INTERRUPTED" } },
      { reason: { code: "INTERRUPTED" } },
    ]);
    expect(() => run("b")).toThrow(withCode("INTERRUPTED"));
  });
});
