import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { createTokenizer, trainSymbolTokenizer } from "@slm/tokenizer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseTeacherRow, type TeacherRow } from "./cache-rows.js";
import { labelSources, type LabelCounts, type LabelRequest } from "./label-sources.js";
import { logSoftmax, madeUpTeacher } from "./test-support/synthetic-teacher.test-support.js";
import type { Teacher } from "./teacher.js";

const LETTERS = ["a", "b", "c", "d"];
const tokenizer = createTokenizer(
  trainSymbolTokenizer({ sources: LETTERS, targets: ["P Q R S"], sourceLowercase: true }),
);

/** Every word of one to four letters, and one of nine, which is longer than the teacher takes. */
const words = (length: number): string[] =>
  length === 0 ? [""] : words(length - 1).flatMap((word) => LETTERS.map((letter) => word + letter));
const sources = [...words(1), ...words(2), ...words(3), ...words(4), "abcdabcda", "x"];

let root = "";
let engine: Engine;
let teacher: Teacher;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slm-label-"));
  engine = await createEagerEngine("js");
  // Source letters are no target symbols: a target that holds one cannot be encoded again.
  teacher = madeUpTeacher(engine, { vocabularySize: tokenizer.vocabularySize });
});
afterEach(() => rm(root, { recursive: true }));

async function label(
  changes: Partial<LabelRequest> = {},
): Promise<{ counts: LabelCounts; rows: TeacherRow[] }> {
  const file = changes.file ?? join(root, "rows.jsonl");
  const counts = await labelSources({
    teacher,
    identity: "synthetic",
    tokenizer,
    sources,
    strategy: { kind: "greedy" },
    file,
    blocks: join(root, "blocks"),
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
    ...changes,
  });
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  return { counts, rows: lines.map((line, index) => parseTeacherRow(line, `${index}`)) };
}

describe(labelSources, () => {
  test("writes rows whose score is the mean log-probability of the target and its EOS token, in the order of the sources", async () => {
    const { rows } = await label();
    expect(rows.length).toBeGreaterThan(5);
    const places = rows.map(({ source }) => sources.indexOf(source));
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    const vocab = tokenizer.vocabularySize;
    for (const { source, target, score } of rows) {
      const ids = tokenizer.encodeTarget(target);
      const pair = { source: tokenizer.encodeSource(source), target: ids };
      const logits = (await engine.download(await teacher.score([pair], { batch: 1, source: 4, target: 8 })))
        .data as Float32Array;
      const path = [...ids, tokenizer.tokens.eos];
      const sum = path.reduce(
        (total, id, i) => total + logSoftmax(logits.subarray(i * vocab, (i + 1) * vocab))[id]!,
        0,
      );
      expect(score).toBeCloseTo(sum / path.length, 4);
    }
  });

  test("keeps only targets the teacher is sure of, and says what became of all others", async () => {
    const all = await label();
    const sure = await label({ minScore: -0.3 });
    expect(sure.rows).toEqual(all.rows.filter(({ score }) => score >= -0.3));
    expect(sure.rows.length).toBeGreaterThan(0);
    expect(sure.counts.unconfident).toBeGreaterThan(0);
    for (const { counts, rows } of [all, sure]) {
      const { sources: total, kept, unconfident, unfinished, unencodable, tooLong } = counts;
      expect(total).toBe(sources.length);
      expect(kept).toBe(rows.length);
      expect(kept + unconfident + unfinished + unencodable + tooLong).toBe(total);
      expect(tooLong).toBe(1);
      expect(unencodable).toBeGreaterThan(1);
    }
    expect(all.counts.unconfident).toBe(0);
  });

  test("interrupted and continued, gives the same rows and labels no finished block again", async () => {
    // More than one block of 2,048.
    const many = Array.from({ length: 9 }, () => sources.slice(0, 300)).flat();
    const expected = await label({ sources: many });
    const blocks = join(root, "again");
    const controller = new AbortController();
    const labelling = teacher;
    let calls = 0;
    const counted: Teacher = {
      ...teacher,
      decode: (...request) => {
        calls += 1;
        return labelling.decode(...request);
      },
    };
    const stopping: Teacher = {
      ...counted,
      decode: (...request) => {
        if (calls === 33) controller.abort();
        return counted.decode(...request);
      },
    };
    const context = { progress: SILENT, signal: controller.signal, seed: 1 };
    const file = join(root, "again.jsonl");
    await expect(label({ sources: many, blocks, file, teacher: stopping, context })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(await readdir(blocks)).toHaveLength(1);
    calls = 0;
    expect(await label({ sources: many, blocks, file, teacher: counted })).toEqual(expected);
    expect(calls).toBeLessThan(15);
  });

  test("samples the same rows from the same seed, and others from another", async () => {
    const strategy = { kind: "sample", temperature: 1 } as const;
    const draw = async (seed: number): Promise<TeacherRow[]> =>
      (
        await label({
          strategy,
          blocks: join(root, `blocks-${seed}-${Math.random()}`),
          context: { progress: SILENT, signal: new AbortController().signal, seed },
        })
      ).rows;
    const first = await draw(1);
    expect(await draw(1)).toEqual(first);
    expect(await draw(2)).not.toEqual(first);
  });

  test("uses no block of another teacher or another threshold", async () => {
    const first = await label({ minScore: -0.3 });
    teacher = madeUpTeacher(engine, { vocabularySize: tokenizer.vocabularySize, salt: 9 });
    expect((await label({ minScore: -0.3 })).rows).toEqual(first.rows);
    expect((await label({ minScore: -0.3, identity: "another" })).rows).not.toEqual(first.rows);
  });
});
