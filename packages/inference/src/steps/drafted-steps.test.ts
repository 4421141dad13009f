import { GRAPH_IO } from "@slm/exported-model";
import { argmax, createRandom, decode, greedyRuns, logSumExp, type StepDecoder } from "@slm/generation";
import { createHostTensor, repeatRuns, type HostTensor, type RunRequest, type RunResult } from "@slm/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { draftedSteps } from "./drafted-steps.js";
import { RunLog } from "./run-log.js";

const [EOS, PAD, BOS] = [0, 1, 2];
const VOCABULARY = 6;

/** Logits that depend on the last two tokens, so that answers repeat themselves. */
function logitsAfter(seed: number, fed: readonly number[]): Float32Array {
  const mixed = fed.slice(-2).reduce((hash, token) => (Math.imul(hash, 31) + token + 1) >>> 0, seed);
  const { next } = createRandom(mixed);
  return Float32Array.from({ length: VOCABULARY }, (_, id) => 4 * next() - (id === EOS ? 1 : 0));
}

/** A decoder of one row, whose logits the host reads. */
function plainDecoder(seed: number): StepDecoder {
  const fed: number[] = [];
  return {
    rows: 1,
    vocabularySize: VOCABULARY,
    step: (tokens) => {
      fed.push(tokens[0]!);
      return Promise.resolve(logitsAfter(seed, fed));
    },
    permuteRows: () => Promise.resolve(),
  };
}

/** The same decoder, which picks tokens and verifies what it copies from a source. */
function draftingDecoder(
  seed: number,
  log: RunLog,
  copied: { source: readonly number[]; most: number },
): StepDecoder {
  const cache: number[] = [];
  const run = ({ feeds }: RunRequest): Promise<RunResult> => {
    const [ids, past] = ["ids", "past"].map((name) => (feeds[name] as HostTensor).data as Int32Array);
    cache.length = past![0]!;
    const best = [...ids!].map((id) => {
      cache.push(id);
      const logits = logitsAfter(seed, cache);
      const top = argmax(logits);
      return { top, logProbability: logits[top]! - logSumExp(logits) };
    });
    const fetched = {
      [GRAPH_IO.bestIds]: createHostTensor(
        "int32",
        [best.length],
        Int32Array.from(best, ({ top }) => top),
      ),
      [GRAPH_IO.bestLogProbabilities]: createHostTensor(
        "float32",
        [best.length],
        Float32Array.from(best, ({ logProbability }) => logProbability),
      ),
    };
    return Promise.resolve({ fetched, kept: {} });
  };
  return {
    ...plainDecoder(seed),
    greedySteps: (tokens, { eos, pad, steps }) =>
      draftedSteps(
        greedyRuns(
          { repeat: (request) => repeatRuns({ run }, request) },
          {
            feeds: {
              ids: createHostTensor("int32", [1, 1], Int32Array.from(tokens)),
              past: createHostTensor("int32", [1], Int32Array.of(0)),
            },
            ...{
              ids: "ids",
              position: "past",
              picks: GRAPH_IO.bestIds,
              fetch: [GRAPH_IO.bestLogProbabilities],
            },
            ...{ end: eos, pad, runs: steps, drafts: { from: copied, tokens: steps, capacity: 100 } },
          },
        ),
        1,
        log,
      ),
  };
}

test("steps with verified drafts return the tokens of plain greedy decoding, in no more runs", async () => {
  const ids = fc.array(fc.integer({ min: 3, max: VOCABULARY - 1 }), { maxLength: 12 });
  const options = fc.record({
    seed: fc.nat(500),
    most: fc.integer({ min: 1, max: 8 }),
    maxTokens: fc.integer({ min: 1, max: 30 }),
    stopAt: fc.nat(40),
  });
  let saved = 0;
  await fc.assert(
    fc.asyncProperty(ids, options, async (source, { seed, most, maxTokens, stopAt }) => {
      const given: number[] = [];
      const settings = {
        ...{ bos: BOS, eos: EOS, pad: PAD, maxTokens, strategy: { kind: "greedy" } as const },
        stopsAfter: (_row: number, tokens: readonly number[]): boolean => tokens.length === stopAt,
        onToken: (_row: number, token: number): void => void given.push(token),
      };
      const [plain] = await decode(plainDecoder(seed), settings);
      given.length = 0;
      const log = new RunLog();
      const [found] = await decode(draftingDecoder(seed, log, { source, most }), settings);
      expect(found).toEqual({
        ...plain!,
        logProbability: expect.closeTo(plain!.logProbability, 3) as number,
      });
      expect(given).toEqual(found!.tokens);
      const tokens = plain!.tokens.length + (plain!.finished ? 1 : 0);
      expect(log.runsFor(tokens)).toBeLessThanOrEqual(tokens);
      saved += tokens - log.runsFor(tokens);
    }),
  );
  expect(saved).toBeGreaterThan(100);
});
