import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { createTokenizer, trainSymbolTokenizer } from "@slm/tokenizer";
import { beforeEach, describe, expect, test } from "vitest";
import type { TeacherRow, Teacher } from "@slm/teacher";
import { logSoftmax, madeUpTeacher } from "@slm/teacher/testing";
import { cacheConfig } from "../config/cache-config.js";
import { BLOCK_SOURCES, labelSources, type LabelReport, type LabelRequest } from "./label-sources.js";
import type { Labeller } from "../labeller/labeller.js";
import { localLabeller } from "../teachers/local-labeller.js";
import { labellingOf } from "./labelling-of.js";

const LETTERS = ["a", "b", "c", "d"];
const tokenizer = createTokenizer(
  trainSymbolTokenizer({ sources: LETTERS, targets: ["P Q R S"], sourceLowercase: true }),
);

/** Every word of one to four letters, and one of nine letters, which exceeds the teacher's limit. */
const words = (length: number): string[] =>
  length === 0 ? [""] : words(length - 1).flatMap((word) => LETTERS.map((letter) => word + letter));
const sources = [...words(1), ...words(2), ...words(3), ...words(4), "abcdabcda", "x"];

const root = temporaryFolder({ each: true });
let engine: Engine;
let teacher: Teacher;
beforeEach(async () => {
  engine = await createEagerEngine("js");
  // Source letters are not target symbols, so a target with one of them cannot be encoded again.
  teacher = madeUpTeacher(engine, { vocabularySize: tokenizer.vocabularySize });
});

interface Changes extends Partial<Omit<LabelRequest, "sources">> {
  readonly sources?: readonly string[];
  readonly teacher?: Teacher;
  readonly identity?: string;
  /** Settings of the section `cache.unlabelled`. */
  readonly settings?: object;
}

/** Labels with one teacher; by default every target is kept. */
async function label(changes: Changes = {}): Promise<{ counts: LabelReport; rows: TeacherRow[] }> {
  const { settings, identity = "synthetic", teacher: labelling = teacher, ...request } = changes;
  const file = changes.file ?? join(root, "rows.jsonl");
  const config = cacheConfig.parse({ unlabelled: { minScore: "none", ...settings } });
  const labeller = localLabeller({ name: "synthetic", identity, teacher: labelling, tokenizer });
  const counts = await labelSources({
    ...labellingOf("labelled", config, labeller),
    file,
    blocks: join(root, "blocks"),
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
    ...request,
    sources: () => changes.sources ?? sources,
  });
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  return { counts, rows: lines.map((line) => JSON.parse(line) as TeacherRow) };
}

describe(labelSources, () => {
  test("writes rows in the order of the sources, scored by the mean log-probability of the target and EOS", async () => {
    const { rows } = await label();
    expect(rows.length).toBeGreaterThan(5);
    const places = rows.map(({ source }) => sources.indexOf(source));
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    const vocab = tokenizer.vocabularySize;
    for (const { source, target, score = Number.NaN } of rows) {
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

  test("keeps only confident targets, and counts the reasons for all others", async () => {
    const all = await label();
    const sure = await label({ settings: { minScore: -0.3 } });
    expect(sure.rows).toEqual(all.rows.filter(({ score = Number.NaN }) => score >= -0.3));
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

  test("after an interruption, writes the same rows and does not label finished blocks again", async () => {
    // More than one block.
    const many = Array.from({ length: 3 }, () => sources.slice(0, 300)).flat();
    /** How many sources the teacher decodes together. */
    const rows = 64;
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
        if (calls > BLOCK_SOURCES / rows) controller.abort();
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
    expect(calls).toBeLessThan(BLOCK_SOURCES / rows);
  });

  test("accepts answers without scores or tokens, as from servers, and counts a missing answer for its labeller", async () => {
    const labeller: Labeller = {
      name: "server",
      identity: "server",
      answer: (texts) =>
        Promise.resolve(
          texts.map((text) =>
            text === "b" ? undefined : { target: text.toUpperCase(), finished: text !== "c" },
          ),
        ),
      close: () => Promise.resolve(),
    };
    const { rows, counts } = await label({ labeller, sources: ["a", "b", "c", "d"] });
    expect(rows).toEqual(
      ["a", "d"].map((source) => ({ source, target: source.toUpperCase(), labeller: "server" })),
    );
    expect(counts).toMatchObject({ sources: 4, kept: 2, unanswered: 1, unfinished: 1 });
    const rules = { minScore: -0.1, needsRoundTrip: true };
    await expect(label({ labeller, rules, sources: ["a"] })).rejects.toThrow(withCode("CONFIG_INVALID"));
  });

  test("does not reuse a block of another teacher or another threshold", async () => {
    const first = await label({ settings: { minScore: -0.3 } });
    teacher = madeUpTeacher(engine, { vocabularySize: tokenizer.vocabularySize, salt: 9 });
    expect((await label({ settings: { minScore: -0.3 } })).rows).toEqual(first.rows);
    expect((await label({ settings: { minScore: -0.3 }, identity: "another" })).rows).not.toEqual(first.rows);
  });
});
