import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { createEagerEngine, type Engine } from "@slm/tensor";
import { createTokenizer, trainSymbolTokenizer } from "@slm/tokenizer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseTeacherRow, type TeacherRow, type Teacher } from "@slm/teacher";
import { logSoftmax, madeUpTeacher } from "@slm/teacher/testing";
import { cacheConfig } from "../config/cache-config.js";
import { BLOCK_SOURCES, labelSources, type LabelReport, type LabelRequest } from "./label-sources.js";
import type { Labeller } from "../labeller/labeller.js";
import { localLabeller } from "../teachers/local-labeller.js";
import { labellingDecoding, labellingSelection } from "../selection/selection.js";

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

interface Changes extends Partial<Omit<LabelRequest, "sources">> {
  readonly sources?: readonly string[];
  readonly teacher?: Teacher;
  readonly identity?: string;
  /** Of the section `cache.unlabelled`. */
  readonly settings?: object;
}

const samplesOf = (settings: object): number => ("samples" in settings ? Number(settings.samples) : 1);

/** Labels with one teacher; every target is kept unless the settings say otherwise. */
async function label(changes: Changes = {}): Promise<{ counts: LabelReport; rows: TeacherRow[] }> {
  const { settings, identity = "synthetic", teacher: labelling = teacher, ...request } = changes;
  const file = changes.file ?? join(root, "rows.jsonl");
  const { unlabelled } = cacheConfig.parse({ unlabelled: { minScore: "none", ...settings } });
  const labeller = localLabeller({
    name: "synthetic",
    identity,
    teacher: labelling,
    tokenizer,
    ...labellingDecoding(unlabelled),
  });
  const counts = await labelSources({
    labellers: [labeller],
    selection: labellingSelection(unlabelled, 1),
    needsRoundTrip: true,
    file,
    blocks: join(root, "blocks"),
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
    ...request,
    sources: () => (changes.sources ?? sources).map((source) => ({ source })),
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

  test("keeps only targets the teacher is sure of, and says what became of all others", async () => {
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

  test("interrupted and continued, gives the same rows and labels no finished block again", async () => {
    // More than one block.
    const many = Array.from({ length: 3 }, () => sources.slice(0, 300)).flat();
    /** Sources that the teacher decodes together. */
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

  const every: readonly object[] = [
    { strategy: "greedy", minScore: -0.5 },
    { strategy: "beam", beams: 2 },
    { strategy: "sample", temperature: 0.7, topK: 3 },
    { strategy: "selfConsistency", samples: 4, minAgreement: 0.4, metric: "exactMatch" },
    { strategy: "minimumRisk", samples: 3, metric: "wer" },
    { strategy: "greedy", keepFraction: 0.02 },
    {
      strategy: "selfConsistency",
      samples: 3,
      metric: "wer",
      keepFraction: 0.05,
      valid: { kind: "regex", pattern: "[PQ ]+" },
    },
  ];

  test.each(every)("interrupted and continued, ends as if it had not been: %j", async (settings) => {
    const many = Array.from({ length: 2 }, () => sources.slice(0, 300)).flat();
    const request = { sources: many, settings, blocks: join(root, "plain") };
    const expected = await label(request);
    const controller = new AbortController();
    let decoded = 0;
    const stopping: Teacher = {
      ...teacher,
      decode: async (...given) => {
        decoded += given[0].length;
        // In the second block.
        if (decoded > BLOCK_SOURCES * samplesOf(settings)) controller.abort();
        return teacher.decode(...given);
      },
    };
    const context = { progress: SILENT, signal: controller.signal, seed: 1 };
    const again = { ...request, blocks: join(root, "again"), file: join(root, "again.jsonl") };
    await expect(label({ ...again, teacher: stopping, context })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(await readdir(again.blocks)).toHaveLength(1);
    expect(await label(again)).toEqual(expected);
    expect(expected.rows.length).toBeGreaterThan(0);
  });

  test("keeps the most confident targets of a fraction of the sources, in the order of the sources", async () => {
    const all = await label();
    const fraction = 0.02;
    const { rows, counts } = await label({ settings: { keepFraction: fraction } });
    const most = Math.floor(fraction * sources.length);
    expect(rows).toHaveLength(most);
    const least = Math.min(...rows.map(({ score = Number.NaN }) => score));
    expect(rows).toEqual(all.rows.filter(({ score = Number.NaN }) => score >= least));
    expect(counts.outranked).toBe(all.counts.kept - most);
    expect(counts.kept).toBe(most);
    // More than there are: all.
    expect((await label({ settings: { keepFraction: 1 } })).rows).toEqual(all.rows);
  });

  test("says of every row who labelled it and how many samples agree, and counts rows by labeller", async () => {
    const { rows, counts } = await label({
      settings: { strategy: "selfConsistency", samples: 4, minAgreement: 0.5, metric: "exactMatch" },
    });
    expect(rows.length).toBeGreaterThan(3);
    for (const { labeller, agreement } of rows) {
      expect(labeller).toBe("synthetic");
      expect([0.5, 0.75, 1]).toContain(agreement);
    }
    expect(counts.labellers).toEqual({ synthetic: rows.length });
    expect(counts.disagreed).toBeGreaterThan(0);
  });

  test("of several teachers keeps what enough of them say", async () => {
    const settings = { metric: "exactMatch", agreement: { minTeachers: 2 }, minScore: "none" };
    const { unlabelled } = cacheConfig.parse({ unlabelled: settings });
    const labellers = [0, 0, 9].map((salt, index) =>
      localLabeller({
        name: `t${index}`,
        identity: `t${index}`,
        teacher: madeUpTeacher(engine, { vocabularySize: tokenizer.vocabularySize, salt }),
        tokenizer,
        ...labellingDecoding(unlabelled),
      }),
    );
    const two = await label({ labellers, selection: labellingSelection(unlabelled, 3) });
    const alone = await label();
    // The first two teachers are the same.
    const pairs = new Set(alone.rows.map(({ source, target }) => `${source}: ${target}`));
    expect(two.rows.filter(({ source, target }) => pairs.has(`${source}: ${target}`))).toHaveLength(
      alone.rows.length,
    );
    for (const { labeller, agreement } of two.rows)
      expect([labeller, agreement]).toEqual(agreement === 1 ? ["t0+t1+t2", 1] : ["t0+t1", 2 / 3]);
    const three = cacheConfig.parse({ unlabelled: { ...settings, agreement: {} } }).unlabelled;
    const all = await label({
      labellers,
      selection: labellingSelection(three, 3),
      blocks: join(root, "three"),
    });
    expect(all.rows).toEqual(two.rows.filter(({ agreement }) => agreement === 1));
    expect(all.counts.disagreed).toBeGreaterThan(0);
  });

  test("takes answers without scores or tokens, as servers give them, and blames nobody else for a missing one", async () => {
    const labeller: Labeller = {
      name: "server",
      identity: "server",
      answer: (texts) =>
        Promise.resolve(
          texts.map((text) => (text === "b" ? [] : [{ target: text.toUpperCase(), finished: text !== "c" }])),
        ),
      close: () => Promise.resolve(),
    };
    const { rows, counts } = await label({ labellers: [labeller], sources: ["a", "b", "c", "d"] });
    expect(rows).toEqual(
      ["a", "d"].map((source) => ({ source, target: source.toUpperCase(), labeller: "server" })),
    );
    expect(counts).toMatchObject({ sources: 4, kept: 2, unanswered: 1, unfinished: 1 });
    const selection = labellingSelection(cacheConfig.parse({}).unlabelled, 1);
    await expect(label({ labellers: [labeller], selection, sources: ["a"] })).rejects.toThrow("minScore");
    await expect(
      label({ labellers: [labeller], sources: ["a"], settings: { keepFraction: 0.5 } }),
    ).rejects.toThrow("keepFraction needs");
  });

  test("samples the same rows from the same seed, and others from another", async () => {
    const settings = { strategy: "sample", temperature: 1 };
    const draw = async (seed: number): Promise<TeacherRow[]> =>
      (
        await label({
          settings,
          blocks: join(root, `blocks-${seed}-${Math.random()}`),
          context: { progress: SILENT, signal: new AbortController().signal, seed },
        })
      ).rows;
    const first = await draw(1);
    expect(await draw(1)).toEqual(first);
    expect(await draw(2)).not.toEqual(first);
  });

  test("uses no block of another teacher or another threshold", async () => {
    const first = await label({ settings: { minScore: -0.3 } });
    teacher = madeUpTeacher(engine, { vocabularySize: tokenizer.vocabularySize, salt: 9 });
    expect((await label({ settings: { minScore: -0.3 } })).rows).toEqual(first.rows);
    expect((await label({ settings: { minScore: -0.3 }, identity: "another" })).rows).not.toEqual(first.rows);
  });
});
