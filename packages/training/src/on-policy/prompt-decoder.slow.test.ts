import { createRandom, decode, type Decoded } from "@slm/generation";
import { decode as decodeAll, decoderOnlyConfig, outputHead, type DecoderOnlyConfig } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import { createHostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { planChunks, unpackParameters, valueSpecs } from "../parameters/parameter-layout.js";
import { randomLiveModel } from "../test-support/live-model.test-support.js";
import { PromptDecoder, sharedPositions, type DecoderOnlyModel } from "./prompt-decoder.js";

const SHAPE = { ...TINY_SHAPE, decoderLayers: 2, maxSource: 64, maxTarget: 40 };
const MODELS: Readonly<Record<string, DecoderOnlyConfig>> = {
  plain: decoderOnlyConfig.parse(SHAPE),
  "with windows, caps and norms of heads": decoderOnlyConfig.parse({
    ...SHAPE,
    headOrder: "grouped",
    qkNorm: true,
    attentionSoftcap: 5,
    logitSoftcap: 8,
    slidingWindow: { window: 7, layers: [1], ropeTheta: 500 },
  }),
};

async function liveOf(config: DecoderOnlyConfig): Promise<DecoderOnlyModel> {
  const { engine, feeds } = await randomLiveModel(config, 5);
  return { engine, config, feeds };
}

/** Logits after the last token of a text that is read at once. */
async function logitsAfter(
  { engine, config, feeds }: DecoderOnlyModel,
  ids: readonly number[],
): Promise<Float32Array> {
  const chunks = planChunks(config);
  const program = await engine.compile({
    name: "whole",
    forwardOnly: true,
    inputs: { ...valueSpecs(chunks), ids: { dtype: "int32", shape: [1, ids.length] } },
    build: (x) => {
      const parameters = unpackParameters(chunks, x);
      return { logits: outputHead(config, parameters, decodeAll(config, parameters, x["ids"]!)) };
    },
  });
  const given = createHostTensor("int32", [1, ids.length], Int32Array.from(ids));
  const { fetched } = await program.run({ feeds: { ...feeds, ids: given }, fetch: ["logits"] });
  await program.release();
  const { vocabularySize } = config;
  return (fetched["logits"]!.data as Float32Array).slice(-vocabularySize);
}

const random = createRandom(9).next;
const token = ({ vocabularySize }: DecoderOnlyConfig): number =>
  4 + Math.floor(random() * (vocabularySize - 4));
const textOf = (config: DecoderOnlyConfig, length: number): number[] =>
  Array.from({ length }, () => token(config));

/** Sources of different lengths with the same beginning. */
const sourcesOf = (config: DecoderOnlyConfig, shared: number, count: number): Int32Array[] => {
  const prefix = textOf(config, shared);
  return Array.from({ length: count }, (_, row) =>
    Int32Array.of(...prefix, 4 + (row % 5), ...textOf(config, (5 * row) % 11)),
  );
};

describe.each(Object.entries(MODELS))("a decoder of current weights, decoder-only, %s,", (_, config) => {
  test.each([0, 16, 32])(
    "gives the logits of the whole text at every step, %i positions read once",
    async (shared) => {
      const live = await liveOf(config);
      const sources = sourcesOf(config, shared, 3);
      const decoder = new PromptDecoder(live, { rows: 4, source: 64, capacity: 96 });
      const step = await decoder.startFrozen(sources, sharedPositions(sources));
      expect(sharedPositions(sources)).toBe(shared);
      const texts = sources.map((source) => [...source]);
      for (let at = 0; at < 10; at += 1) {
        const fed = Int32Array.from({ length: 4 }, () => token(config));
        const logits = await step.step(fed);
        for (const [row, text] of texts.entries()) {
          text.push(fed[row]!);
          const { vocabularySize } = config;
          const expected = await logitsAfter(live, text);
          // Sums in another order: a few units in the last place of numbers of about 10.
          logits.slice(row * vocabularySize, (row + 1) * vocabularySize).forEach((value, id) => {
            expect(value).toBeCloseTo(expected[id]!, 3);
          });
        }
      }
      await decoder.close();
    },
  );

  test("decodes the same with rows that leave the batch as without", async () => {
    const live = await liveOf(config);
    const sources = sourcesOf(config, 16, 32);
    const results: Decoded[][] = [];
    // At this temperature tokens are almost equally probable, so rows end at many lengths.
    const strategy = { kind: "sample", temperature: 50 } as const;
    const seen: number[] = [];
    for (const leaves of [true, false]) {
      const decoder = new PromptDecoder(live, { rows: 32, source: 64, capacity: 104 });
      const step = await decoder.startFrozen(sources, leaves ? 16 : 0);
      const watched = {
        get rows() {
          seen.push(step.rows);
          return step.rows;
        },
        vocabularySize: step.vocabularySize,
        step: (tokens: Int32Array) => step.step(tokens),
        permuteRows: (rows: readonly number[]) => step.permuteRows(rows),
        ...(leaves ? { keepRows: (open: readonly number[]) => step.keepRows!(open) } : {}),
      };
      const draw = createRandom(3).next;
      const options = { bos: 1, eos: 2, pad: 0, maxTokens: 40, random: () => draw() };
      results.push(await decode(watched, { ...options, strategy }));
      await decoder.close();
    }
    expect(results[0]!.map(({ tokens }) => tokens)).toEqual(results[1]!.map(({ tokens }) => tokens));
    expect(new Set(results[0]!.map(({ tokens }) => tokens.length)).size).toBeGreaterThan(2);
    expect([...new Set(seen)]).toContain(16);
  });
});

describe(sharedPositions, () => {
  test("leaves every source at least one position of its own, and counts in steps", () => {
    const same = Int32Array.from({ length: 40 }, (_, at) => at);
    expect(sharedPositions([same, same])).toBe(32);
    expect(sharedPositions([same.subarray(0, 33), same])).toBe(32);
    expect(sharedPositions([same.subarray(0, 32), same])).toBe(16);
    expect(sharedPositions([same, Int32Array.of(9)])).toBe(0);
    expect(sharedPositions([same, same.map((id) => (id === 20 ? 0 : id))])).toBe(16);
    expect(sharedPositions([])).toBe(0);
  });
});
