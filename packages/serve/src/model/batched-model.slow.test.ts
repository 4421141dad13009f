import { join } from "node:path";
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadTokenizer } from "@slm/tokenizer";
import { serveConfig } from "../serve-config.js";
import type { BatchedModel } from "./batched-model.js";
import { openBatchedModel } from "./open-batched-model.js";
import type { TextAnswer, TextRequest } from "./text-request.js";
import type { MemoryModel } from "@slm/exported-model/testing";
import { createMemoryModel, expectedAnswer, writeMemoryModel } from "../memory-model.test-support.js";

const directory = temporaryFolder({ each: true });
let runtime: MemoryModel;
let served: BatchedModel;
let encode: (text: string) => readonly number[];

const LOADING = { maxRows: 4, maxWaiting: 32, limits: serveConfig.parse({}) };

beforeEach(async () => {
  await writeMemoryModel(directory);
  runtime = createMemoryModel();
  const tokenizer = await loadTokenizer(directory);
  encode = (text) => tokenizer.encodeSource(text);
  served = await openBatchedModel(directory, runtime, LOADING);
});
afterEach(() => served.close());

const forever = new AbortController().signal;

async function ask(
  text: string,
  more: Partial<TextRequest> = {},
  model: BatchedModel = served,
): Promise<TextAnswer> {
  const { run } = await model.prepare({
    source: encode(text),
    rules: model.rulesOf(undefined),
    signal: forever,
    ...more,
  });
  return run();
}

/** Rows of every run of the decoder, and of the encoder. */
const rowsOf = ({ decoderRuns }: MemoryModel): readonly number[] => decoderRuns.map(({ rows }) => rows);
const encodedOf = ({ encodedBatches }: MemoryModel): readonly number[] =>
  encodedBatches.map(({ length }) => length);

describe("the confidence of an answer", () => {
  test("is the product of its tokens' probabilities, EOS included", async () => {
    const { logprobs = [], logProbability, confidence, abstained } = await ask("abc", { logprobs: 0 });
    const ofText = logprobs.reduce((sum, token) => sum + token.logProbability, 0);
    expect(logProbability).toBeLessThan(ofText);
    expect(confidence).toBeCloseTo(Math.exp(logProbability), 12);
    expect(abstained).toBe(false);
  });

  test("below the threshold the answer is withheld, streamed or not, with its tokens' log-probabilities", async () => {
    const own = createMemoryModel();
    const strict = await openBatchedModel(directory, own, { ...LOADING, abstain: 1 });
    const pieces: string[] = [];
    const request = { logprobs: 2, onText: (piece: string) => pieces.push(piece) };
    const answer = await ask("abc", request, strict);
    expect(answer).toMatchObject({ text: "", abstained: true });
    expect(answer.logprobs).toBeUndefined();
    expect(pieces).toEqual([]);
    await strict.close();
    const lenient = await openBatchedModel(directory, createMemoryModel(), { ...LOADING, abstain: 0 });
    const given = await ask("abc", request, lenient);
    expect([given.text, pieces.join("")]).toEqual([expectedAnswer("abc"), expectedAnswer("abc")]);
    await lenient.close();
  });
});

describe(openBatchedModel, () => {
  test("answers requests that come and go at any time as if each were alone", async () => {
    const source = fc.stringMatching(/^[a-h]{1,10}$/);
    const property = fc.asyncProperty(
      fc.array(fc.record({ source, delay: fc.nat({ max: 6 }) }), { minLength: 1, maxLength: 20 }),
      async (requests) => {
        runtime.stepMs = 0.1;
        const texts = await Promise.all(
          requests.map(async ({ source: text, delay }) => {
            await new Promise((resolve) => setTimeout(resolve, delay));
            return (await ask(text)).text;
          }),
        );
        expect(texts).toEqual(requests.map(({ source: text }) => expectedAnswer(text)));
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });

  test("decodes as many together as it may, and never more", async () => {
    runtime.decoderRuns.length = 0;
    await Promise.all(Array.from({ length: 12 }, () => ask("abcdef")));
    expect(Math.max(...rowsOf(runtime))).toBe(4);
    expect(runtime.decoderRuns).toHaveLength(21);
  });

  test("has logits brought out only while somebody chooses among them", async () => {
    const requiresLogits = (): number =>
      runtime.decoderRuns.filter(({ fetched }) => fetched.includes(GRAPH_IO.logits)).length;
    runtime.decoderRuns.length = 0; // What the warm-up was.
    await Promise.all([ask("abc"), ask("defgh")]);
    expect(requiresLogits()).toBe(0);
    expect(runtime.decoderRuns.length).toBeGreaterThan(5);
    const before = runtime.decoderRuns.length;
    const drawing = { temperature: 0.01, seed: 1 };
    const [drawn, greedy] = await Promise.all([ask("ab", { sampling: drawing }), ask("defgh")]);
    expect([drawn.text, greedy.text]).toEqual(["ab", "defgh"].map(expectedAnswer));
    // The longer answer goes on alone, without them.
    expect(requiresLogits()).toBeGreaterThan(0);
    expect(requiresLogits()).toBeLessThan(runtime.decoderRuns.length - before);
  });

  test("encodes sources alone if a batch would change their encoding, and still decodes them together", async () => {
    const other = join(directory, "other");
    await writeMemoryModel(other, "int8-dynamic");
    const own = createMemoryModel();
    const alone = await openBatchedModel(other, own, LOADING);
    const sources = ["abc", "h", "defgha", "bb"];
    const answers = await Promise.all(sources.map((source) => ask(source, {}, alone)));
    expect(answers.map(({ text }) => text)).toEqual(sources.map(expectedAnswer));
    expect([Math.max(...encodedOf(own)), Math.max(...rowsOf(own))]).toEqual([1, 4]);
    await Promise.all(sources.map((source) => ask(source)));
    expect(Math.max(...encodedOf(runtime))).toBe(4);
    await alone.close();
    expect(own.tensors.size).toBe(0);
  });

  test("keeps no tensor after it is closed", async () => {
    await Promise.all(["abc", "defgh", "a"].map((source) => ask(source)));
    await served.close();
    expect([runtime.tensors.size, runtime.isClosed]).toEqual([0, true]);
  });

  test("ends an answer at its most tokens, and says so", async () => {
    expect(await ask("abcd", { maxTokens: 2 })).toMatchObject({ text: "D C", reason: "length", tokens: 2 });
    expect(await ask("abcd")).toMatchObject({ reason: "stop", tokens: 5, sourceTokens: 4 });
  });

  test("ends an answer before a stop sequence, were it cut over two tokens", async () => {
    const pieces: string[] = [];
    const { text } = await ask("abcd", { stop: ["C B"], onText: (piece) => pieces.push(piece) });
    expect(text).toBe("D ");
    expect(pieces.join("")).toBe(text);
  });

  test("reuses the row of a cancelled request", async () => {
    runtime.stepMs = 2;
    const leaving = new AbortController();
    const gone = Array.from({ length: 4 }, () => ask("abcdefgh", { signal: leaving.signal }));
    const next = ask("ab");
    setTimeout(() => {
      leaving.abort();
    }, 5);
    for (const request of gone) await expect(request).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect((await next).text).toBe("B A");
  });

  test("fails every request when the device fails, and serves again when it does", async () => {
    runtime.failure = new SlmError("DEVICE_UNAVAILABLE", "gone");
    const failed = await Promise.allSettled(["abc", "de"].map((source) => ask(source)));
    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    runtime.failure = undefined;
    expect((await ask("abc")).text).toBe("C B A");
  });

  test("draws the same tokens from the same seed, whoever else asks", async () => {
    const sampling = { temperature: 2, seed: 7 };
    const alone = await ask("abcdefgh", { sampling });
    const [among] = await Promise.all([ask("abcdefgh", { sampling }), ask("a"), ask("bcd", { sampling })]);
    expect(among.text).toBe(alone.text);
  });
});
