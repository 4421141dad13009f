import { withCode } from "@slm/core/testing";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { SILENT, type Progress } from "@slm/core";
import { decoderOnlyConfig, encoderDecoderConfig } from "@slm/model";
import { readCheckpoint } from "@slm/checkpoints";
import { createEagerEngine } from "@slm/tensor";
import { buildTeacherCache, loadTeachers } from "@slm/teacher";
import { loadTokenizer } from "@slm/tokenizer";
import { pairsOf } from "@slm/training";
import { beforeEach, describe, expect, test } from "vitest";
import { LOSS_TERMS, type LossTerm } from "./config/loss-terms.js";
import { shape, stopAt, TinyRun } from "./test-support/run.test-support.js";

const run = new TinyRun();
beforeEach(() => run.prepare());

const labelsOnly = { loss: { forwardKl: 0, crossEntropy: 1 } };

describe("a finished run", () => {
  test("writes a checkpoint, its tokenizer, log, samples and report, without temporary files", async () => {
    const report = await run.distill({ targets: { onPolicyFraction: 0.5 } });
    expect((await readdir(run.at("work"))).sort()).toEqual([
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
      "report.html",
      "samples.jsonl",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const { config, weights } = await readCheckpoint(run.at("work"));
    expect(config.architecture).toBe("encoder-decoder");
    expect(report.parameters).toBe([...weights.values()].reduce((sum, { data }) => sum + data.length, 0));
    expect(report.teacherParameters).toBeGreaterThan(0);
    expect(report).toMatchObject({ steps: 4, bestStep: expect.any(Number) as number });
    expect((await run.log()).map(({ step }) => step)).toEqual([2, 4, 4]);
  });

  test("writes the model's predictions for dev rows", async () => {
    await run.distill();
    const lines = (await readFile(run.at("work/samples.jsonl"), "utf8")).trim().split("\n");
    const samples = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(samples.length).toBe(6);
    for (const { source, target, prediction } of samples) {
      expect(target).toBe(String(source).toUpperCase().split("").join(" "));
      expect(typeof prediction).toBe("string");
    }
  });

  test("needs no teacher if only labels count", async () => {
    const report = await run.distill(labelsOnly, { withoutTeacher: true });
    expect(report).not.toHaveProperty("teacherParameters");
    await expect(run.distill({}, { withoutTeacher: true, work: "other" })).rejects.toMatchObject({
      code: "INPUT_MISSING",
    });
  });
});

/** The mean squared difference between the logits of teacher and student. */
const squares: LossTerm = {
  description: "mean square of the difference of logits",
  needsDistributions: true,
  compute: ({ math: { div, mul, reshape, square, sub, sum, sumAxes }, ...x }) => {
    const rows = sumAxes(square(sub(x.logits, x.teacherLogits)), [1]);
    return div(sum(mul(reshape(rows, x.mask.shape), x.mask)), x.count);
  },
};

/** Pulls the student towards the uniform distribution at labelled positions. */
const confidence: LossTerm = {
  description: "negative mean log-probability of all tokens",
  needsDistributions: false,
  compute: ({ math: { div, logSoftmax, mul, reshape, sub, sum, sumAxes }, logits, labels, mask, count }) => {
    expect(labels.shape).toEqual(mask.shape);
    const rows = reshape(sumAxes(logSoftmax(logits), [1]), mask.shape);
    return div(sub(0, sum(mul(rows, mask))), count);
  },
};

test.each([
  ["of distributions", squares],
  ["of labels", confidence],
])("a student learns by an extension's term %s", async (_what, term) => {
  LOSS_TERMS.add("mine", term, "test-losses");
  try {
    const loss = { forwardKl: 0, crossEntropy: 0, terms: { mine: 0.5 } };
    await run.distill({ loss, steps: 40, learningRate: 0.01 });
    const losses = (await run.log()).flatMap(({ mine }) => (mine === undefined ? [] : [Number(mine)]));
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  } finally {
    LOSS_TERMS.remove("test-losses");
  }
});

/** A cache of the training pairs and of more pairs, as the cache stage writes it. */
async function makeCache(
  more: readonly { readonly source: string; readonly target: string }[],
): Promise<void> {
  const engine = await createEagerEngine("js");
  const teacher = await loadTeachers(engine, run.at("teacher"));
  const tokenizer = await loadTokenizer(run.at("tokenizer"));
  const text = await readFile(run.at("data/train.jsonl"), "utf8");
  const lines = text.trim().split("\n");
  const rows = [...lines.map((line) => JSON.parse(line) as { source: string; target: string }), ...more];
  const pairs = pairsOf(
    rows.map(({ source }) => tokenizer.encodeSource(source)),
    rows.map(({ target }) => tokenizer.encodeTarget(target)),
  );
  const context = { progress: SILENT, signal: new AbortController().signal, seed: 1 };
  const directory = run.at("cache");
  await buildTeacherCache({ directory, teacher, identity: "t", pairs, k: 128, engine, context });
}

describe("the teacher's distributions", () => {
  test("are read from an existing cache, with the same result as from the run's own", async () => {
    const own = await run.distill({});
    await makeCache([]);
    const cached = await run.distill({}, { cache: "cache", work: "cached" });
    expect(cached.loss).toBe(own.loss);
    expect((await readdir(run.at("cached"))).includes("teacher-cache")).toBe(false);
  });

  test("are not stored if every batch learns from the student's samples, and labels count in each", async () => {
    const messages: string[] = [];
    const progress: Progress = ({ message = "" }) => void messages.push(message);
    await run.distill({ targets: { onPolicyFraction: 1 } }, { context: { progress } });
    expect(messages.filter((message) => message.startsWith("teacher distributions"))).toEqual([]);
    for (const line of (await run.log()).filter((entry) => "loss" in entry)) {
      const [kl, labels] = [Number(line["forwardKl"]), Number(line["crossEntropy"])];
      expect([kl > 0, labels > 0]).toEqual([true, true]);
    }
  });

  test("include targets that the teacher generated for the cache, which then needs no other sources", async () => {
    const written = [
      { source: "bba", target: "B" },
      { source: "abb", target: "A A" },
    ];
    await makeCache(written);
    const shares = { targets: { unlabelledFraction: 0.5 }, steps: 6, buckets: 1 };
    await expect(run.distill(shares, { cache: "cache" })).rejects.toMatchObject({ code: "INPUT_MISSING" });
    const lines = written.map((row) => `${JSON.stringify({ ...row, score: -1 })}\n`).join("");
    await writeFile(run.at("cache/teacher-labelled.jsonl"), lines);
    const report = await run.distill(shares, { cache: "cache" });
    const without = await run.distill({ steps: 6, buckets: 1 }, { cache: "cache", work: "without" });
    expect(report.loss).not.toBe(without.loss);
  });

  test("are not needed for labels alone: stored labels need neither teacher nor distributions", async () => {
    await mkdir(run.at("labels"));
    const lines = ["bba", "abb"].map((source) => JSON.stringify({ source, target: "B", score: -1 }));
    await writeFile(run.at("labels/teacher-labelled.jsonl"), `${lines.join("\n")}\n`);
    const shares = { targets: { unlabelledFraction: 0.5 }, steps: 6, buckets: 1 };
    const stored = { ...labelsOnly, ...shares };
    const report = await run.distill(stored, { cache: "labels", withoutTeacher: true });
    expect(report).not.toHaveProperty("teacherParameters");
    const gold = await run.distill({ ...stored, targets: {} }, { withoutTeacher: true, work: "gold" });
    expect(report.loss).not.toBe(gold.loss);
    // The recipe's teacher is not loaded, so a corrupt one does not matter.
    await writeFile(run.at("teacher/model.safetensors"), "broken");
    expect((await run.distill(stored, { cache: "labels", work: "other" })).loss).toBe(report.loss);
    await run.writeTeacher();
    await expect(run.distill(shares, { cache: "labels", work: "kl" })).rejects.toMatchObject({
      code: "INPUT_MISSING",
      suggestions: expect.arrayContaining([expect.stringContaining("cache.distributions")]) as string[],
    });
  });

  test("and stored labels that exceed the student's limits are reported", async () => {
    await mkdir(run.at("labels"));
    const line = JSON.stringify({ source: "ababababab", target: "B", score: -1 });
    await writeFile(run.at("labels/teacher-labelled.jsonl"), `${line}\n`);
    const stored = { ...labelsOnly, targets: { unlabelledFraction: 0.5 } };
    await expect(run.distill(stored, { cache: "labels", withoutTeacher: true })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });

  test("may come from an encoder-decoder, computed directly or stored", async () => {
    await run.writeTeacher((fields) => encoderDecoderConfig.parse({ ...shape, ...fields, encoderLayers: 1 }));
    const other = await run.distill({ loss: { forwardKl: 1, crossEntropy: 0 } }, { work: "other" });
    await makeCache([]);
    const cached = await run.distill(
      { loss: { forwardKl: 1, crossEntropy: 0 } },
      { cache: "cache", work: "cached" },
    );
    expect(cached.loss).toBe(other.loss);
  });
});

describe("a teacher with another vocabulary", () => {
  test("is rejected at start with both sizes and a suggestion", async () => {
    await run.writeTeacher(({ tokens }) => decoderOnlyConfig.parse({ ...shape, tokens, vocabularySize: 50 }));
    await expect(run.distill()).rejects.toThrow(withCode("SHAPE_MISMATCH"));
    await expect(run.distill()).rejects.toMatchObject({
      code: "SHAPE_MISMATCH",
      suggestions: expect.arrayContaining([
        expect.stringContaining("learn only from the teacher's labels"),
      ]) as string[],
    });
  });
});

describe("an interrupted run", () => {
  const everything = {
    steps: 12,
    dropout: 0.1,
    evaluateEvery: 4,
    targets: { onPolicyFraction: 0.5 },
    loss: { jensenShannon: 0.3 },
  };

  const alwaysOnPolicy = {
    steps: 6,
    dropout: 0.1,
    gradientAccumulationSteps: 2,
    evaluateEvery: 2,
    targets: { onPolicyFraction: 1 },
  };

  test.each([
    { step: 4, settings: everything },
    { step: 8, settings: everything },
    { step: 4, settings: alwaysOnPolicy },
  ])(
    "stopped at step $step of $settings.steps and resumed ends as one that was not, whatever it draws",
    async ({ step, settings }) => {
      const plain = await run.distill(settings, { work: "plain" });
      await expect(run.distill(settings, { context: stopAt(step) })).rejects.toMatchObject({
        code: "INTERRUPTED",
      });
      expect(await readdir(run.at("work"))).toContain("state.safetensors");
      const resumed = await run.distill(settings);
      expect(resumed).toMatchObject({ loss: plain.loss, metrics: plain.metrics, bestStep: plain.bestStep });
      expect(await run.log()).toEqual(await run.log("plain"));
      const weights = (work: string): Promise<Buffer> => readFile(run.at(work, "model.safetensors"));
      expect((await weights("work")).equals(await weights("plain"))).toBe(true);
    },
  );

  test("cannot continue with other data, another tokenizer, teacher or settings", async () => {
    await expect(run.distill(everything, { context: stopAt(4) })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    await expect(run.distill({ ...everything, dropout: 0.2 })).rejects.toMatchObject({
      code: "DATA_INVALID",
    });
    const teacher = await readFile(run.at("teacher/model.safetensors"));
    const changed = Buffer.from(teacher);
    changed[changed.length - 1]! ^= 1;
    await writeFile(run.at("teacher/model.safetensors"), changed);
    await expect(run.distill(everything)).rejects.toMatchObject({ code: "DATA_INVALID" });
    await writeFile(run.at("teacher/model.safetensors"), teacher);
    const data = await readFile(run.at("data/train.jsonl"), "utf8");
    await writeFile(run.at("data/train.jsonl"), data.split("\n").reverse().join("\n"));
    await expect(run.distill(everything)).rejects.toThrow(withCode("DATA_INVALID"));
    await writeFile(run.at("data/train.jsonl"), data);
    expect((await run.distill(everything)).steps).toBe(12);
  });
});

test.each(["unlabelledFraction", "sequenceKdFraction"])(
  "%s without stored targets is rejected with the name of the cache's file",
  async (fraction) => {
    await expect(run.distill({ targets: { [fraction]: 0.5 } })).rejects.toThrow(withCode("INPUT_MISSING"));
  },
);
