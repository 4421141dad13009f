import { describe, expect, test } from "vitest";
import { streamPieces } from "./stream-pieces.js";

const tick = (milliseconds = 1): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe(streamPieces, () => {
  test("yields every piece, then returns the answer", async () => {
    const stream = streamPieces(async (onPiece) => {
      onPiece("a");
      await tick();
      onPiece("b");
      return "ab";
    });
    const first = await stream.next();
    // The rest comes while its reader is busy.
    await tick(50);
    expect([first, await stream.next(), await stream.next()]).toEqual([
      { done: false, value: "a" },
      { done: false, value: "b" },
      { done: true, value: "ab" },
    ]);
  });

  test("throws the error of the answer, after the earlier pieces", async () => {
    const read: string[] = [];
    const reading = async (): Promise<void> => {
      const stream = streamPieces(async (onPiece) => {
        onPiece("a");
        await tick();
        throw new Error("out of memory");
      });
      for await (const piece of stream) read.push(piece);
    };
    await expect(reading()).rejects.toThrow("out of memory");
    expect(read).toEqual(["a"]);
  });

  test("stops the answer when its reader leaves, or the caller's signal is aborted", async () => {
    const endless =
      (seen: AbortSignal[]) => async (onPiece: (piece: string) => void, signal: AbortSignal) => {
        seen.push(signal);
        while (!signal.aborted) {
          onPiece("x");
          await tick();
        }
        signal.throwIfAborted();
      };
    const seen: AbortSignal[] = [];
    for await (const piece of streamPieces(endless(seen))) {
      expect(piece).toBe("x");
      break;
    }
    expect(seen[0]?.aborted).toBe(true);
    const caller = new AbortController();
    const reading = async (): Promise<void> => {
      const stream = streamPieces(endless(seen), caller.signal);
      for (let read = await stream.next(); read.done !== true; read = await stream.next())
        caller.abort(new Error("enough"));
    };
    await expect(reading()).rejects.toThrow("enough");
  });
});
