/** Tokens drawn in a graph must equal those of the host's sampler for the same random numbers. */
import { argmax, logSumExp } from "@slm/generation";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uniform24 } from "../packages/inference/src/token-graphs/sampling-graph.js";
import { TokenGraphs } from "../packages/inference/src/token-graphs/token-graphs.js";
import { drawCases, drawOn, hostTokens } from "./drawn-tokens.js";

let runtime: Runtime;
const opened = new Map<number, TokenGraphs>();
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
});
afterAll(async () => {
  for (const graphs of opened.values()) await graphs.close();
  await runtime.close();
});

function graphsOf(vocabularySize: number): TokenGraphs {
  const graphs = opened.get(vocabularySize) ?? new TokenGraphs(runtime, { vocabularySize });
  opened.set(vocabularySize, graphs);
  return graphs;
}

describe("tokens drawn in a graph", () => {
  test("are the host's for the same numbers, ties and filters of every kind among them; only numbers at a border may give its neighbour", async () => {
    let [drawn, unlike] = [0, 0];
    await fc.assert(
      fc.asyncProperty(drawCases([1, 2, 9, 255, 256, 257, 1000, 5003]), async (made) => {
        for (const { logits, number, drawn: device } of await drawOn(
          runtime,
          graphsOf(made.vocabularySize),
          made,
        )) {
          const host = hostTokens(logits, made.sampling, number);
          expect(host).toContain(device.token);
          drawn++;
          if (host[0] !== device.token) unlike++;
          expect(device.logProbability).toBeCloseTo(logits[device.token]! - logSumExp(logits), 4);
        }
      }),
      { numRuns: 400, seed: 8 },
    );
    process.stdout.write(`${drawn} draws, ${unlike} at a border\n`);
    expect(drawn).toBeGreaterThan(800);
    // Near-ties are rare: with 1,000 equally probable tokens, at most one in 25 random numbers is within rounding of a boundary.
    expect(unlike / drawn).toBeLessThan(0.005);
  });

  test("at a temperature near 0, or with one candidate, are the most probable ones", async () => {
    for (const sampling of [
      { temperature: 1e-40 },
      { temperature: 1, topK: 1 },
      { temperature: 2, minP: 1 },
      { temperature: 1e6, minP: 1 },
      { temperature: 1, topP: 1e-9 },
    ]) {
      const made = { vocabularySize: 1000, rows: 64, seed: 5, spread: 2, quantum: 0, sampling };
      for (const { logits, drawn } of await drawOn(runtime, graphsOf(1000), made))
        expect(drawn.token).toBe(argmax(logits));
    }
  });

  test("at a temperature near 0 are any of the most probable ones, if several are", async () => {
    const sampling = { temperature: 1e-40 };
    const made = { vocabularySize: 1000, rows: 64, seed: 5, spread: 2, quantum: 4, sampling };
    const drawn = await drawOn(runtime, graphsOf(1000), made);
    for (const { logits, drawn: device } of drawn) expect(logits[device.token]).toBe(Math.max(...logits));
    expect(new Set(drawn.map(({ drawn: { token } }) => token)).size).toBeGreaterThan(20);
  });

  test("are an error, not a token, where logits are not finite", async () => {
    const graphs = graphsOf(9);
    const sampling = { temperature: 1 };
    const numbers = await graphs.samplingTensor(sampling);
    for (const wrong of [NaN, Infinity]) {
      const logits = await runtime.upload(
        createHostTensor("float32", [1, 9], new Float32Array(9).fill(wrong, 3, 4)),
      );
      const random = Float64Array.of(0.5);
      const { logProbabilities } = await graphs.sample(logits, sampling, { numbers, random });
      expect(logProbabilities[0]).not.toSatisfy(Number.isFinite);
      await runtime.release([logits]);
    }
    await runtime.release([numbers]);
  });
});

test("the first 24 bits of a random number are never above it, and below 1", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (number) => {
      const bits = uniform24(number);
      expect(bits).toBe(Math.fround(bits));
      expect(bits).toBeLessThanOrEqual(number);
      expect(number - bits).toBeLessThan(2 ** -24);
    }),
  );
});
