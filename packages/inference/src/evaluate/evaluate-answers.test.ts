import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlmError } from "@slm/core";
import type { Source } from "../options/types.js";
import { evaluateAnswers } from "./evaluate-answers.js";
import type { EvaluationInput, EvaluationRow, WrittenAnswer } from "./evaluation-input.js";
import type { Scorer } from "./evaluation-input.js";

type Answerer = NonNullable<EvaluationInput["generator"]>;

/** Answers of an answerer that does not report probabilities. */
const generation = (text: string): WrittenAnswer => ({ text });

const textOf = (source: Source): string => (typeof source === "string" ? source : (source.text ?? ""));

/** Answers in capitals, and records the sources and options of each call. */
function shouting(): Answerer & {
  readonly calls: { readonly sources: number; readonly options: unknown }[];
} {
  const calls: { sources: number; options: unknown }[] = [];
  return {
    calls,
    generate: (sources, options) => {
      calls.push({ sources: sources.length, options });
      return Promise.resolve(sources.map((source) => generation(textOf(source).toUpperCase())));
    },
  };
}

/** Gives every token of an answer, including EOS, a probability of 1/2. */
const halving: Scorer = {
  score: (pairs) =>
    Promise.resolve(
      pairs.map(({ answer }) => {
        const tokens = answer.split(" ").length + 1;
        return { nats: tokens * Math.LN2, tokens };
      }),
    ),
};

async function linesOf(path: string): Promise<readonly object[]> {
  const text = await readFile(path, "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
}

const ROWS: readonly EvaluationRow[] = [
  { source: "k ae t", references: ["K AE T"] },
  { source: "d ao g", references: ["X", "D  AO G"] },
  { source: "f ih sh", references: ["F IH"] },
];

const directory = temporaryFolder({ each: true });

describe(evaluateAnswers, () => {
  test("computes every requested metric over all rows", async () => {
    const result = await evaluateAnswers({
      generator: shouting(),
      rows: ROWS,
      metrics: ["wer", "per", "exactMatch"],
      batchSize: 2,
    });
    expect(result.n).toBe(3);
    expect(result.metrics.wer).toBeCloseTo(1 / 3);
    expect(result.metrics.exactMatch).toBeCloseTo(2 / 3);
    expect(result.metrics.per).toBeCloseTo(1 / 8);
    expect(result.predictions).toBeUndefined();
  });

  test("writes one line per row, in order, saying whether it was right", async () => {
    const predictionsPath = join(directory, "predictions.jsonl");
    const result = await evaluateAnswers({
      generator: shouting(),
      rows: ROWS,
      metrics: ["wer"],
      batchSize: 2,
      predictionsPath,
    });
    expect(result.predictions).toBe(predictionsPath);
    expect(await linesOf(predictionsPath)).toEqual([
      { source: "k ae t", prediction: "K AE T", references: ["K AE T"], correct: true, score: 0 },
      { source: "d ao g", prediction: "D AO G", references: ["X", "D  AO G"], correct: true, score: 0 },
      { source: "f ih sh", prediction: "F IH SH", references: ["F IH"], correct: false, score: 1 },
    ]);
  });

  test("reports the model's confidence per line and over all rows, and the effect of a threshold", async () => {
    const predictionsPath = join(directory, "predictions.jsonl");
    const confidences = new Map([
      ["K AE T", 0.9],
      ["D AO G", 0.5],
      ["F IH SH", 0.25],
    ]);
    const sure: Answerer = {
      generate: (sources) =>
        Promise.resolve(
          sources.map((source) => {
            const text = textOf(source).toUpperCase();
            return { text, logProbability: Math.log(confidences.get(text)!) };
          }),
        ),
    };
    const input = { generator: sure, rows: ROWS, metrics: ["exactMatch"] as const, batchSize: 2 };
    const { confidence } = await evaluateAnswers({ ...input, predictionsPath, abstention: 0.6 });
    expect(confidence?.mean).toBeCloseTo(0.55, 12);
    // Three bins of one row each: |0.9 - 1|, |0.5 - 1| and |0.25 - 0|.
    expect(confidence?.calibrationError).toBeCloseTo((0.1 + 0.5 + 0.25) / 3, 12);
    expect(confidence?.abstention).toEqual({
      threshold: 0.6,
      rows: 3,
      coverage: 1 / 3,
      errorRate: 0,
    });
    expect((await linesOf(predictionsPath))[2]).toMatchObject({
      prediction: "F IH SH",
      confidence: expect.closeTo(0.25, 12) as number,
      correct: false,
    });
    const chosen = await evaluateAnswers({ ...input, abstention: {} });
    expect(chosen.confidence?.abstention).toMatchObject({ coverage: 2 / 3, errorRate: 0 });
    expect((await evaluateAnswers({ ...input, generator: shouting() })).confidence).toBeUndefined();
  });

  test("scores each row by the first metric, and accepts an empty prediction if there is no answer", async () => {
    const predictionsPath = join(directory, "predictions.jsonl");
    const silentOn = (source: string): string => (source === "who" ? "" : source);
    const result = await evaluateAnswers({
      generator: {
        generate: (sources) => Promise.resolve(sources.map((source) => generation(silentOn(textOf(source))))),
      },
      rows: [
        { source: "who", references: [] },
        { source: "why", references: [""] },
        { source: "the blue house", references: ["a red house"] },
      ],
      metrics: ["squadF1", "squadExactMatch"],
      batchSize: 2,
      predictionsPath,
    });
    expect(result.metrics).toEqual({ squadF1: 0.5, squadExactMatch: 1 / 3 });
    expect(await linesOf(predictionsPath)).toMatchObject([
      { prediction: "", references: [], correct: true, score: 1 },
      { prediction: "why", references: [""], correct: false, score: 0 },
      { correct: false, score: 0.5 },
    ]);
  });

  test("generates nothing for perplexity alone, and scores each row by its own", async () => {
    const predictionsPath = join(directory, "predictions.jsonl");
    const generator = shouting();
    const result = await evaluateAnswers({
      generator,
      scorer: halving,
      rows: ROWS,
      metrics: ["perplexity"],
      batchSize: 2,
      predictionsPath,
    });
    expect(generator.calls).toEqual([]);
    // Tokens K AE T, X, F IH, each with EOS. Only the first reference counts.
    expect(result.likelihood).toEqual({ nllNatsPerToken: expect.closeTo(Math.LN2, 12) as number, tokens: 9 });
    expect(result.metrics.perplexity).toBeCloseTo(2);
    const lines = await linesOf(predictionsPath);
    expect(lines.map((line) => Object.keys(line))).toEqual(ROWS.map(() => ["source", "references", "score"]));
    expect(lines[0]).toMatchObject({ score: expect.closeTo(2) as number });
  });

  test("gives the same result whatever the batch size, from an array or a stream", async () => {
    const row = fc.record({
      source: fc.stringMatching(/^[a-c ]{0,6}$/),
      references: fc.array(fc.stringMatching(/^[A-C]{1,4}$/), { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 14 }),
        async (rows, batchSize) => {
          const generator = shouting();
          const metrics = ["wer", "per"] as const;
          // oxlint-disable-next-line typescript/require-await -- a stream of rows that already exist
          const stream = async function* (): AsyncGenerator<EvaluationRow> {
            yield* rows;
          };
          const streamed = await evaluateAnswers({ generator, rows: stream(), metrics, batchSize });
          const single = await evaluateAnswers({ generator: shouting(), rows, metrics, batchSize: 1 });
          expect(streamed.metrics).toEqual(single.metrics);
          expect(generator.calls.reduce((sum, { sources }) => sum + sources, 0)).toBe(rows.length);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("asks about the image of a row, and lists the image in the predictions", async () => {
    const predictionsPath = join(directory, "seen.jsonl");
    const asked: Source[] = [];
    const source = { find: () => Promise.reject(new Error("nobody looks")) };
    await evaluateAnswers({
      generator: {
        generate: (sources) => {
          asked.push(...sources);
          return Promise.resolve(sources.map((question) => generation(textOf(question))));
        },
      },
      rows: [
        { source: "what?", references: ["what?"], image: { name: "a.png", source } },
        { source: "why?", references: ["so"] },
      ],
      metrics: ["exactMatch"],
      batchSize: 4,
      predictionsPath,
    });
    expect(asked).toEqual([{ text: "what?", image: source }, "why?"]);
    const lines = (await readFile(predictionsPath, "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { image?: string }).image)).toEqual(["a.png", undefined]);
  });

  test("reports the rows among which the generator failed, with the generator's own code", async () => {
    let calls = 0;
    const generator: Answerer = {
      generate: (sources) => {
        calls += 1;
        if (calls === 2) return Promise.reject(new SlmError("DATA_INVALID", "source 2 is too long"));
        return Promise.resolve(sources.map((source) => generation(textOf(source))));
      },
    };
    const rows = Array.from({ length: 12 }, () => ROWS[0]!);
    await expect(evaluateAnswers({ generator, rows, metrics: ["wer"], batchSize: 1 })).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: "evaluate: among rows 9 to 12: source 2 is too long",
    });
  });

  test.each([
    ["no rows", { rows: [] }, "DATA_INVALID", /at least one row/],
    [
      "a row without references",
      { rows: [ROWS[0]!, { source: "a", references: [] }] },
      "DATA_INVALID",
      /row 2/,
    ],
    [
      "an empty reference",
      { rows: [{ source: "a", references: [" "] }] },
      "DATA_INVALID",
      /row 1 .* an empty reference/,
    ],
    ["a batch size of zero", { batchSize: 0 }, "USAGE", /batch size/],
    [
      "perplexity of a model that scores nothing",
      { metrics: ["perplexity"] as const },
      "USAGE",
      /needs a model that scores/,
    ],
    [
      "a scorer that loses an answer",
      { metrics: ["perplexity"] as const, scorer: { score: () => Promise.resolve([]) } },
      "DATA_INVALID",
      /expected 3 likelihoods/,
    ],
    ["no metric", { metrics: [] }, "USAGE", /at least one metric/],
    [
      "a generator that loses an answer",
      { generator: { generate: () => Promise.resolve([]) } },
      "DATA_INVALID",
      /expected 3 answers/,
    ],
    ["a run that was interrupted", { signal: AbortSignal.abort() }, "INTERRUPTED", /interrupted/],
  ])("rejects %s and writes nothing", async (_, change, code, message) => {
    const input = {
      generator: shouting(),
      rows: ROWS,
      metrics: ["wer"] as const,
      batchSize: 2,
      predictionsPath: join(directory, "predictions.jsonl"),
    };
    const error: unknown = await evaluateAnswers({ ...input, ...change }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("parts of an evaluation", () => {
  const asked = { generator: shouting(), batchSize: 2 };
  const sliced = (source: string, reference: string, language: string): EvaluationRow => {
    return { source, references: [reference], slices: { language } };
  };

  test("metrics by the value of a column, the largest part first", async () => {
    const rows = [
      sliced("a", "A", "en"),
      sliced("b", "x", "de"),
      sliced("c", "C", "en"),
      sliced("d", "x", "en"),
    ];
    const { slices } = await evaluateAnswers({ ...asked, rows, metrics: ["exactMatch"] });
    expect(slices).toEqual([
      { column: "language", value: "en", n: 3, metrics: { exactMatch: 2 / 3 } },
      { column: "language", value: "de", n: 1, metrics: { exactMatch: 0 } },
    ]);
  });

  test("rare values of a column with many are one part", async () => {
    const rows = Array.from({ length: 60 }, (_, index) => sliced("a", "A", `v${index}`));
    const { slices = [] } = await evaluateAnswers({ ...asked, rows, metrics: ["exactMatch"] });
    expect(slices).toHaveLength(51);
    expect(slices.at(-1)).toMatchObject({ value: null, n: 10 });
  });

  test("individual classes, if a classification metric is requested", async () => {
    const rows = [sliced("spam", "SPAM", ""), sliced("ham", "SPAM", "")];
    const { classes } = await evaluateAnswers({ ...asked, rows, metrics: ["macroF1"] });
    expect(classes?.confusion).toEqual({
      labels: ["SPAM", "HAM"],
      counts: [
        [1, 1],
        [0, 0],
      ],
    });
    expect(classes?.scores[0]).toMatchObject({ label: "SPAM", precision: 1, recall: 0.5 });
    expect((await evaluateAnswers({ ...asked, rows, metrics: ["exactMatch"] })).classes).toBeUndefined();
  });

  test("intervals are reproducible by seed and contain the value; without a seed there are none", async () => {
    const rows = Array.from({ length: 40 }, (_, index) => sliced("a", index % 4 === 0 ? "x" : "A", ""));
    const metrics = ["exactMatch"] as const;
    const { intervals } = await evaluateAnswers({ ...asked, rows, metrics, intervalSeed: 3 });
    expect(intervals).toEqual(
      (await evaluateAnswers({ ...asked, rows, metrics, intervalSeed: 3 })).intervals,
    );
    expect(intervals!.exactMatch!.low).toBeLessThan(0.75);
    expect(intervals!.exactMatch!.high).toBeGreaterThan(0.75);
    expect((await evaluateAnswers({ ...asked, rows, metrics })).intervals).toBeUndefined();
  });
});
