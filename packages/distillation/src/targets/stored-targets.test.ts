import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import type { Row } from "@slm/data";
import { createTokenizer, trainSymbolTokenizer } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { StoredTargets } from "./stored-targets.js";

const directory = temporaryFolder({ each: true });

const tokenizer = createTokenizer(
  trainSymbolTokenizer({ sources: ["ab"], targets: ["A B"], sourceLowercase: false }),
);

const put = (rows: readonly object[]): Promise<void> =>
  writeFile(
    join(directory, "teacher-labelled.jsonl"),
    rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
  );

const open = (): Promise<StoredTargets | undefined> =>
  StoredTargets.open({
    directory,
    kind: "labelled",
    tokenizer,
    limits: { maxSource: 3, maxTarget: 3 },
    file: join(directory, "rows.bin"),
  });

const row = (source: string, target: string): object => ({ source, target, score: -0.1 });

describe(StoredTargets, () => {
  test("are read as pairs, without rows that a model cannot read", async () => {
    await put([
      row("ab", "A B"),
      row("abab", "A"),
      row("a", "A B A"),
      row("c", "A"),
      row("b", "C"),
      row("b", "B"),
    ]);
    const stored = (await open())!;
    const { source, target } = stored.lengths;
    // EOS is a target position.
    expect([[...source], [...target]]).toEqual([
      [2, 1],
      [3, 2],
    ]);
    const rows = await stored.read([1, 0]);
    expect(rows.sources.map((tokens) => [...tokens])).toEqual(
      ["b", "ab"].map((text) => tokenizer.encodeSource(text)),
    );
    expect(rows.targets.map((tokens) => tokenizer.decode(tokens))).toEqual(["B", "A B"]);
    await stored.close();
  });

  test("are undefined if the cache has none, or none that fit", async () => {
    expect(await open()).toBeUndefined();
    await put([row("abab", "A")]);
    expect(await open()).toBeUndefined();
  });

  test("of a corrupt file are rejected with the line", async () => {
    await put([row("ab", "A B"), { source: "a" }]);
    await expect(open()).rejects.toThrow(withCode("DATA_INVALID"));
  });

  test("of a vision-language student have its source and the image", async () => {
    const trained = [
      { source: "a", target: "A", image: "0.png", teacherSource: "ab" },
      { source: "b", target: "B", image: "1.png", teacherSource: "ba" },
      { source: "a", target: "A", image: "2.png", teacherSource: "bb" },
    ];
    await writeFile(
      join(directory, "teacher-generated.jsonl"),
      [row("ba", "A"), row("bb", "B")].map((one) => `${JSON.stringify(one)}\n`).join(""),
    );
    const images = {
      count: 3,
      read: (rows: ArrayLike<number>) => Promise.resolve(Array.from(rows, (place) => Uint8Array.of(place))),
      close: () => Promise.resolve(),
    };
    const openSeen = (rows: readonly Row[]): Promise<StoredTargets | undefined> =>
      StoredTargets.open({
        directory,
        kind: "generated",
        tokenizer,
        limits: { maxSource: 1, maxTarget: 3 },
        teacher: { limits: { maxSource: 3, maxTarget: 3 } },
        seen: { rows: stream(rows), images },
        file: join(directory, "rows.bin"),
      });
    const stored = (await openSeen(trained))!;
    const drawn = await stored.read([0, 1]);
    expect(drawn.images!.map(([place]) => place)).toEqual([1, 2]);
    expect(drawn.sources.map((tokens) => [...tokens])).toEqual([
      tokenizer.encodeSource("b"),
      tokenizer.encodeSource("a"),
    ]);
    expect(drawn.teacherTokens.sources.map((tokens) => [...tokens])).toEqual([
      tokenizer.encodeSource("ba"),
      tokenizer.encodeSource("bb"),
    ]);
    expect(drawn.targets.map((tokens) => tokenizer.decode(tokens))).toEqual(["A", "B"]);
    await stored.close();
    await expect(openSeen(trained.slice(0, 2))).rejects.toThrow(withCode("DATA_INVALID"));
  });
});

async function* stream(rows: readonly Row[]): AsyncGenerator<Row> {
  for (const one of rows) yield await Promise.resolve(one);
}
