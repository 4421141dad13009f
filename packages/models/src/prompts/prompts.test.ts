import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readPrompts } from "./prompts.js";

const stream = (...chunks: readonly (string | Uint8Array)[]): Readable => Readable.from(chunks);

describe(readPrompts, () => {
  test("uses flags and does not read standard input", async () => {
    expect(await readPrompts(["a", "b"], stream("c\n"))).toEqual(["a", "b"]);
  });

  test("takes lines, blank ones included, across chunks that cut a character", async () => {
    const bytes = Buffer.from("é\r\n\n b\nlast");
    expect(await readPrompts([], stream(bytes.subarray(0, 1), bytes.subarray(1)))).toEqual([
      "é",
      "",
      " b",
      "last",
    ]);
  });

  test("rejects a terminal, empty input, and bytes that are not text", async () => {
    const terminal = Object.assign(stream("typed"), { isTTY: true });
    await expect(readPrompts([], terminal)).rejects.toMatchObject({ code: "USAGE" });
    await expect(readPrompts([], stream("\n \n"))).rejects.toMatchObject({ code: "USAGE" });
    await expect(readPrompts([], stream(Uint8Array.of(0xff, 0xfe)))).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
  });
});
