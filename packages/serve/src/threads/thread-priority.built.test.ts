import { getPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { letOthersGoFirst } from "./thread-priority.js";

describe.runIf(process.platform === "linux")(letOthersGoFirst, () => {
  test("changes the priority of its own thread only", async () => {
    const source = `
      const { parentPort } = require("node:worker_threads");
      const { getPriority } = require("node:os");
      const path = ${JSON.stringify(new URL("../../dist/threads/thread-priority.js", import.meta.url).href)};
      import(path).then(({ letOthersGoFirst }) => {
        const thread = letOthersGoFirst(10);
        parentPort.postMessage([thread, getPriority(thread)]);
      });`;
    const before = getPriority(process.pid);
    const worker = new Worker(source, { eval: true, execArgv: [] });
    const [thread, priority] = await new Promise<[number, number]>((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
    });
    await worker.terminate();
    expect(thread).not.toBe(process.pid);
    expect(priority).toBe(10);
    expect(getPriority(process.pid)).toBe(before);
  });
});
