/** Compares tokens and candidates that WebGPU computes, without CPU fallback, with the host's sampler and the CPU provider. */
import { createRandom } from "@slm/generation";
import { createHostTensor, type Runtime } from "@slm/runtime";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TokenGraphs } from "../../packages/inference/src/token-graphs/token-graphs.js";
import { drawCases, drawOn, hostTokens } from "../drawn-tokens.js";
import { openRuntimes, type Runtimes } from "./setting.js";

let runtimes: Runtimes;
beforeAll(async () => {
  runtimes = await openRuntimes(true);
});
afterAll(() => runtimes.close());

const VOCABULARIES = [9, 257, 1000];

test("draws are the host's for the same numbers; only numbers at a border may give its neighbour", async () => {
  const graphs = new Map<number, TokenGraphs>(
    VOCABULARIES.map((vocabularySize) => [vocabularySize, new TokenGraphs(runtimes.gpu, { vocabularySize })]),
  );
  let [drawn, unlike] = [0, 0];
  await fc.assert(
    fc.asyncProperty(drawCases(VOCABULARIES), async (made) => {
      const opened = graphs.get(made.vocabularySize)!;
      for (const { logits, number, drawn: device } of await drawOn(runtimes.gpu, opened, made)) {
        const host = hostTokens(logits, made.sampling, number);
        expect(host).toContain(device.token);
        drawn++;
        if (host[0] !== device.token) unlike++;
      }
    }),
    { numRuns: 60 },
  );
  process.stdout.write(`${drawn} draws, ${unlike} at a border\n`);
  expect(drawn).toBeGreaterThan(100);
  expect(unlike).toBeLessThanOrEqual(0.05 * drawn);
  for (const opened of graphs.values()) await opened.close();
});

test("candidates of beams are the CPU provider's, ties by the lowest id; normalizers but for rounding", async () => {
  const vocabularySize = 1000;
  const { next } = createRandom(5);
  const data = Float32Array.from({ length: 6 * vocabularySize }, () => Math.round(next() * 400) / 20);
  const find = async (runtime: Runtime) => {
    const graphs = new TokenGraphs(runtime, { vocabularySize });
    const logits = await runtime.upload(createHostTensor("float32", [6, vocabularySize], data));
    const found = await graphs.candidates(logits, 8);
    await runtime.release([logits]);
    await graphs.close();
    return found;
  };
  const [gpu, cpu] = [await find(runtimes.gpu), await find(runtimes.cpu)];
  expect(gpu.ids).toEqual(cpu.ids);
  expect(gpu.logits).toEqual(cpu.logits);
  gpu.normalizers.forEach((normalizer, row) => {
    expect(normalizer).toBeCloseTo(cpu.normalizers[row]!, 4);
  });
});

test("rows of an encoder's outputs are repeated for their beams", async () => {
  const graphs = new TokenGraphs(runtimes.gpu, { vocabularySize: 9 });
  const made = await runtimes.gpu.upload(
    createHostTensor("float32", [2, 1, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
  );
  const { x } = await graphs.repeatRows({ x: made }, 2);
  const { shape, data } = await runtimes.gpu.download(x!);
  expect(shape).toEqual([4, 1, 3]);
  expect([...data]).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
  await runtimes.gpu.release([made, x!]);
  await graphs.close();
});
