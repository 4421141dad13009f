import { describe, expect, test } from "vitest";
import { PieceQueue } from "./piece-queue.js";

describe(PieceQueue, () => {
  test("returns pieces in order, whether pushed before the reader arrives or while it waits", async () => {
    const queue = new PieceQueue();
    queue.push("a");
    queue.push("b");
    const read: string[] = [];
    const reading = (async () => {
      for await (const piece of queue) read.push(piece);
    })();
    await Promise.resolve();
    queue.push("c");
    await new Promise((resolve) => setTimeout(resolve, 1));
    queue.push("d");
    queue.end();
    await reading;
    expect(read).toEqual(["a", "b", "c", "d"]);
  });

  test("ends a reader that waits", async () => {
    const queue = new PieceQueue();
    const next = queue[Symbol.asyncIterator]().next();
    queue.end();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});
