import { join } from "node:path";
import fc from "fast-check";
import { temporaryFolder } from "@slm/core/testing";
import { loadTokenizer } from "@slm/tokenizer";
import { beforeAll, describe, expect, test } from "vitest";
import { MemoryModel, TINY, hashedLogits, writeTinyModel, type LogitsOf } from "@slm/exported-model/testing";
import type { Likelihood, ScoredPair } from "../options/types.js";
import { openGraphModel } from "./open-graph-model.js";

const { maxTarget: MAX_TARGET, tokens: TOKENS } = TINY;

const ARCHITECTURES = ["encoder-decoder", "decoder-only"] as const;
const root = temporaryFolder();
const folderOf = (architecture: string): string => join(root, architecture);

beforeAll(async () => {
  for (const architecture of ARCHITECTURES) await writeTinyModel(folderOf(architecture), { architecture });
});

/** -ln p of the answer and its EOS token, by definition. */
async function expected(
  architecture: string,
  logitsOf: LogitsOf,
  { source, answer }: ScoredPair,
): Promise<Likelihood> {
  const tokenizer = await loadTokenizer(folderOf(architecture));
  if (typeof source !== "string") throw new Error("texts only");
  const sourceIds = tokenizer.encodeSource(source);
  const target = [...(answer === "" ? [] : tokenizer.encodeTarget(answer)), TOKENS.eos];
  const nats = target.map((token, at) => {
    const fed = [TOKENS.bos, ...target.slice(0, at)];
    const logits =
      architecture === "decoder-only" ? logitsOf([], [...sourceIds, ...fed]) : logitsOf(sourceIds, fed);
    return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[token]!;
  });
  return { nats: nats.reduce((sum, value) => sum + value, 0), tokens: target.length };
}

const pair = fc.record({
  source: fc.stringMatching(/^[abcd]{1,4}$/),
  answer: fc.array(fc.constantFrom("X", "Y", "Z"), { maxLength: 3 }).map((words) => words.join(" ")),
});

describe.each(ARCHITECTURES)("the likelihood under a model that is %s", (architecture) => {
  const load = (logitsOf: LogitsOf): ReturnType<typeof openGraphModel> =>
    openGraphModel(folderOf(architecture), new MemoryModel(logitsOf));

  test("is that of the definition for every pair, whatever the batches", async () => {
    const property = fc.asyncProperty(
      fc.array(pair, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 9 }),
      async (pairs, batchSize) => {
        const model = await load(hashedLogits);
        const scored = await model.score(pairs, { batchSize });
        expect(scored).toHaveLength(pairs.length);
        for (const [index, { nats, tokens }] of scored.entries()) {
          const right = await expected(architecture, hashedLogits, pairs[index]!);
          expect(tokens).toBe(right.tokens);
          // Logits are float32: six digits of each term.
          expect(nats).toBeCloseTo(right.nats, 5);
        }
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});

describe("scoring", () => {
  const load = (
    logitsOf: LogitsOf = hashedLogits,
    architecture = "encoder-decoder",
  ): ReturnType<typeof openGraphModel> => openGraphModel(folderOf(architecture), new MemoryModel(logitsOf));
  const X = { source: "a", answer: "X" };
  const answerOf = (length: number): string => Array.from({ length }, () => "X").join(" ");

  test("scores pairs of a batch in one pass over the longest answer", async () => {
    const runtime = new MemoryModel(hashedLogits);
    const model = await openGraphModel(folderOf("encoder-decoder"), runtime);
    await model.score([X, { source: "abc", answer: "X Y Z" }, X], { batchSize: 2 });
    // Sorted by source: two short ones with two steps, then one with four.
    expect(runtime.decoderRuns.map(({ rows }) => rows)).toEqual([2, 2, 1, 1, 1, 1]);
  });

  test("scores an answer that just fits and rejects one that does not, by its place and the room", async () => {
    const model = await load();
    expect(
      await model.score([{ source: "a", answer: answerOf(MAX_TARGET - 1) }], { batchSize: 1 }),
    ).toMatchObject([{ tokens: MAX_TARGET }]);
    await expect(
      model.score([X, { source: "a", answer: answerOf(MAX_TARGET) }], { batchSize: 1 }),
    ).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: "score: answer 2 has 9 tokens including EOS, the model has room for 8",
    });
    const decoderOnly = await load(hashedLogits, "decoder-only");
    await expect(
      decoderOnly.score([{ source: "abcd", answer: answerOf(4) }], { batchSize: 1 }),
    ).rejects.toMatchObject({
      message: "score: answer 1 has 5 tokens including EOS, the model has room for 4",
    });
    await expect(model.score([{ source: "abcdabc", answer: "X" }], { batchSize: 1 })).rejects.toMatchObject({
      message: "score: source 1 has 7 tokens, the model reads at most 6",
    });
  });

  test.each([
    ["no numbers", NaN, "logits are not finite"],
    ["ruled out", -Infinity, "expected a finite likelihood of token 2"],
  ])("rejects a token whose logits are %s", async (_, logit, message) => {
    const model = await load((source, fed) =>
      hashedLogits(source, fed).map((value, id) => (id === TOKENS.eos ? logit : value)),
    );
    await expect(model.score([X], { batchSize: 1 })).rejects.toMatchObject({
      code: "DATA_INVALID",
      message: expect.stringContaining(message) as string,
    });
  });

  test("stops when it is told to", async () => {
    const model = await load();
    const options = { batchSize: 1, signal: AbortSignal.abort() };
    await expect(model.score([X], options)).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(await model.score([X], { batchSize: 1 })).toHaveLength(1);
  });

  test("does not disturb answers that are generated at the same time", async () => {
    const model = await load();
    const [alone, [likelihood]] = [await model.generate(["a"]), await model.score([X], { batchSize: 1 })];
    const [together, scored] = await Promise.all([
      model.generate(["a"]),
      model.score([X, X], { batchSize: 1 }),
    ]);
    expect(together.map(({ tokens }) => tokens)).toEqual(alone.map(({ tokens }) => tokens));
    expect(scored).toEqual([likelihood, likelihood]);
  });
});
