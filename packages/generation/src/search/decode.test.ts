import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode } from "./decode.js";
import type { DecodeOptions, Strategy } from "./options.js";
import { createRandom } from "../sampling/random.js";
import { PrefixDecoder, randomModel, type Model } from "./prefix-decoder.test-support.js";

const EOS = 0;
const PAD = 1;
const BOS = 2;

const optionsFor = (strategy: Strategy, maxTokens: number): DecodeOptions => ({
  bos: BOS,
  eos: EOS,
  pad: PAD,
  maxTokens,
  strategy,
});

function logProbabilities(logits: readonly number[]): number[] {
  const normalizer = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return logits.map((logit) => logit - normalizer);
}

/** The best of all token sequences up to `maxTokens`, by the documented score of beam search. */
function exhaustiveBest(
  model: Model,
  maxTokens: number,
  lengthPenalty: number,
): { tokens: number[]; score: number } {
  const visit = (prefix: number[], sum: number): { tokens: number[]; score: number } => {
    const length = prefix.length + 1;
    const options = logProbabilities(model(prefix)).map((logProbability, token) => {
      const total = sum + logProbability;
      if (token === EOS) return { tokens: prefix, score: total / length ** lengthPenalty };
      const tokens = [...prefix, token];
      return length === maxTokens ? { tokens, score: total / length ** lengthPenalty } : visit(tokens, total);
    });
    return options.reduce((best, option) => (option.score > best.score ? option : best));
  };
  return visit([], 0);
}

describe("greedy decoding", () => {
  test("takes the most probable token until eos, and adds up its log-probability", async () => {
    const model: Model = (prefix) => [[0, 0, 0, 2], [0, 0, 0, 0, 2].slice(1), [3, 0, 0, 0]][prefix.length]!;
    const [result] = await decode(new PrefixDecoder(1, 4, () => model), optionsFor({ kind: "greedy" }, 10));
    const share = (logit: number): number => logit - Math.log(Math.exp(logit) + 3);
    expect(result).toMatchObject({ tokens: [3, 3], finished: true });
    expect(result!.logProbability).toBeCloseTo(2 * share(2) + share(3), 6);
  });

  test("a batch gives the same results as its rows alone; an ended row is fed pad and reports no more tokens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), async (seed) => {
        const models = [0, 1, 2].map((row) => randomModel(seed + row, 4));
        const seen: number[][] = [[], [], []];
        const decoder = new PrefixDecoder(3, 4, (row) => models[row]!);
        const options = optionsFor({ kind: "greedy" }, 6);
        const batch = await decode(decoder, { ...options, onToken: (row, token) => seen[row]!.push(token) });
        const alone = await Promise.all(
          models.map(async (model) => (await decode(new PrefixDecoder(1, 4, () => model), options))[0]!),
        );
        expect(batch).toEqual(alone);
        expect(seen).toEqual(batch.map(({ tokens }) => tokens));
        batch.forEach(({ tokens, finished }, row) => {
          const padding = decoder.fed[row]!.slice(1 + tokens.length);
          if (finished) expect(padding.every((token) => token === PAD)).toBe(true);
        });
        expect(decoder.steps).toBe(
          Math.max(...batch.map((row) => row.tokens.length + (row.finished ? 1 : 0))),
        );
      }),
      { numRuns: 30 },
    );
  });
});

describe("sampling", () => {
  test("draws sequences with the model's probabilities, reproducibly", async () => {
    const rows = 8000;
    const run = async (): Promise<string[]> => {
      const model: Model = (prefix) => (prefix.length === 0 ? [0, -99, -99, Math.log(3)] : [9, -9, -9, -9]);
      const options = { ...optionsFor({ kind: "sample", temperature: 1 }, 4), random: createRandom(3).next };
      return (await decode(new PrefixDecoder(rows, 4, () => model), options)).map(({ tokens }) =>
        tokens.join(),
      );
    };
    const first = await run();
    expect(await run()).toEqual(first);
    // One first token in four is eos; five standard deviations.
    expect(Math.abs(first.filter((text) => text === "").length / rows - 0.25)).toBeLessThan(0.025);
  });

  test("reports the model's own log-probability, whatever the temperature", async () => {
    const model: Model = () => [1, -Infinity, -Infinity, -Infinity];
    const strategy: Strategy = { kind: "sample", temperature: 0.1, topK: 2 };
    const options = { ...optionsFor(strategy, 2), random: createRandom(1).next };
    expect(await decode(new PrefixDecoder(1, 4, () => model), options)).toEqual([
      { tokens: [], logProbability: 0, finished: true, end: 0, reason: "eos" },
    ]);
  });
});

describe("beam search", () => {
  test("is exhaustive search if no prefix has to be dropped", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(10_000), fc.constantFrom(-1, 0, 0.5, 1, 2), async (seed, lengthPenalty) => {
        const [vocabulary, maxTokens, beams] = [4, 3, 64];
        const model = randomModel(seed, vocabulary);
        const decoder = new PrefixDecoder(beams, vocabulary, () => model);
        const [found] = await decode(decoder, optionsFor({ kind: "beam", beams, lengthPenalty }, maxTokens));
        const best = exhaustiveBest(model, maxTokens, lengthPenalty);
        expect(found!.tokens).toEqual(best.tokens);
        const length = found!.tokens.length + (found!.finished ? 1 : 0);
        expect(found!.logProbability / length ** lengthPenalty).toBeCloseTo(best.score, 4);
      }),
      { numRuns: 40 },
    );
  });

  test("with one beam is greedy decoding, if eos ends it when it is the most probable", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(10_000), async (seed) => {
        const model = randomModel(seed, 5);
        const [greedy] = await decode(
          new PrefixDecoder(1, 5, () => model),
          optionsFor({ kind: "greedy" }, 5),
        );
        const strategy: Strategy = { kind: "beam", beams: 1, lengthPenalty: 1 };
        const [beam] = await decode(new PrefixDecoder(1, 5, () => model), optionsFor(strategy, 5));
        expect(beam!.tokens).toEqual(greedy!.tokens);
      }),
    );
  });

  test("groups do not disturb one another, and caches follow their beams", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(10_000), async (seed) => {
        const beams = 3;
        const options = optionsFor({ kind: "beam", beams, lengthPenalty: 1 }, 5);
        const models = [0, 1, 2].map((group) => randomModel(seed + group, 5));
        const together = new PrefixDecoder(9, 5, (row) => models[Math.floor(row / beams)]!);
        const alone = models.map((model) => decode(new PrefixDecoder(beams, 5, () => model), options));
        expect(await decode(together, options)).toEqual((await Promise.all(alone)).flat());
      }),
      { numRuns: 40 },
    );
  });

  test("stops as soon as no live beam can win", async () => {
    const model: Model = (prefix) => (prefix.length === 0 ? [-20, -20, -20, 20] : [20, -20, -20, -20]);
    const decoder = new PrefixDecoder(4, 4, () => model);
    const [found] = await decode(decoder, optionsFor({ kind: "beam", beams: 4, lengthPenalty: 1 }, 50));
    expect(found).toMatchObject({ tokens: [3], finished: true });
    expect(decoder.steps).toBe(2);
  });

  test("reports tokens when they are certain: the result's, at the end", async () => {
    const seen: number[] = [];
    const strategy: Strategy = { kind: "beam", beams: 2, lengthPenalty: 1 };
    const options = { ...optionsFor(strategy, 4), onToken: (_: number, token: number) => seen.push(token) };
    const [found] = await decode(new PrefixDecoder(2, 5, () => randomModel(5, 5)), options);
    expect(seen).toEqual(found!.tokens);
  });
});

describe(decode, () => {
  const decoder = (): PrefixDecoder => new PrefixDecoder(2, 4, () => () => [0, 0, 0, 1]);
  const greedy = optionsFor({ kind: "greedy" }, 4);
  const sampling = (options: object): DecodeOptions =>
    optionsFor({ kind: "sample", temperature: 1, ...options }, 4);
  const beam = (beams: number): DecodeOptions => optionsFor({ kind: "beam", beams, lengthPenalty: 1 }, 4);

  test.each([
    ["an id outside the vocabulary", { ...greedy, eos: 4 }, "eos must be an id below 4, got 4"],
    ["no tokens", { ...greedy, maxTokens: 0 }, "maxTokens must be a positive integer, got 0"],
    ["temperature 0", sampling({ temperature: 0 }), "temperature must be above 0, got 0"],
    ["a temperature that no score can be divided by", sampling({ temperature: 1e-320 }), "at least 1e-30"],
    ["topK 0", sampling({ topK: 0 }), "topK must be a positive integer, got 0"],
    ["topP 2", sampling({ topP: 2 }), "topP must be above 0 and at most 1, got 2"],
    ["sampling without randomness", sampling({}), "sampling needs 'random'"],
    ["half a beam", beam(0.5), "beams must be a positive integer"],
    ["beams that do not divide the rows", beam(3), "got 2"],
  ])("rejects %s", async (_, options, message) => {
    await expect(decode(decoder(), options)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(message) as string,
    });
  });

  test("stops between two steps when it is interrupted", async () => {
    const stop = new AbortController();
    const interrupted = decoder();
    const options = {
      ...greedy,
      signal: stop.signal,
      onToken: () => {
        stop.abort();
      },
    };
    await expect(decode(interrupted, options)).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(interrupted.steps).toBe(1);
  });

  test("rejects logits of the wrong size", async () => {
    const wrong = new PrefixDecoder(2, 4, () => () => [0, 0, 0]);
    await expect(decode(wrong, greedy)).rejects.toMatchObject({ code: "SHAPE_MISMATCH" });
  });

  test("rejects logits that are not numbers, where argmax would silently take the first", async () => {
    const broken = new PrefixDecoder(1, 4, () => () => [Number.NaN, 0, 0, 0]);
    await expect(decode(broken, greedy)).rejects.toMatchObject({ code: "DATA_INVALID" });
  });
});
