import type { DeviceModel } from "@slm/artifact";
import { describe, expect, test } from "vitest";
import type { BenchDevice } from "./bench-result.js";
import { compareModels } from "./compare.js";
import { noticeProblems } from "./notes.js";
import { halvesDiffer, summarize, type Measurement } from "./summarize.js";
import type { Sample } from "./timed-model.js";

const MODEL: DeviceModel = {
  schemaVersion: 1,
  name: "m",
  architecture: "encoder-decoder",
  target: "cpu",
  scheme: "float32",
  graphs: {
    encoder: { file: "encoder.onnx", bytes: 300, scheme: "float32" },
    decoder: { file: "decoder.onnx", bytes: 100, scheme: "float32" },
  },
  parameters: 1000,
  vocabularySize: 8,
  decoderLayers: 1,
  kvHeads: 1,
  headDim: 2,
  maxSource: 16,
  maxTarget: 16,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  flops: { encoderPerSourceToken: 50, decoderPerTargetToken: 80 },
};

function sample(change: Partial<Sample> = {}): Sample {
  return { firstTokenMs: 5, decodeMs: 10, steps: 6, words: 3, totalMs: 20, ...change };
}

function measurement(change: Partial<Measurement> = {}): Measurement {
  return {
    name: "student",
    model: MODEL,
    sourceTokens: [12, 12],
    opened: {
      loadMs: 7,
      processRssBytes: 40,
      device: { provider: "cpu", threads: 2, description: "cpu", simulated: false },
    },
    samples: [sample(), sample()],
    peakRssBytes: 90,
    ...change,
  };
}

describe(summarize, () => {
  test("takes the decode rate after the first token and words over the whole time", () => {
    const figures = summarize(measurement());
    expect(figures.firstTokenMs).toEqual({ p50: 5, p95: 5 });
    expect(figures.tokensPerSecond).toEqual({ p5: 500, p50: 500, p95: 500 });
    expect(figures.wordsPerSecond.p50).toBe(150);
    expect(figures.bytes).toBe(400);
  });

  test("spreads the encoder's work over the answer", () => {
    const { flopsPerToken, flopsPerTokenWithSource } = summarize(measurement());
    expect(flopsPerToken).toBe(80);
    expect(flopsPerTokenWithSource).toBe(80 + (50 * 12) / 6);
  });

  test("charges a decoder-only model for reading its source with the decoder", () => {
    const model: DeviceModel = {
      ...MODEL,
      architecture: "decoder-only",
      graphs: { decoder: MODEL.graphs.decoder },
      flops: { encoderPerSourceToken: 0, decoderPerTargetToken: 80 },
    };
    expect(summarize(measurement({ model })).flopsPerTokenWithSource).toBe(80 + (80 * 12) / 6);
  });

  test("leaves answers of one step out of the rate, and refuses a model that never took a second", () => {
    const single = sample({ steps: 1, decodeMs: 0 });
    expect(summarize(measurement({ samples: [sample(), single] })).tokensPerSecond.p50).toBe(500);
    expect(() => summarize(measurement({ samples: [single, single] }))).toThrow(/student .* no rate/);
  });
});

describe(halvesDiffer, () => {
  test("is zero for steady runs and large for runs that slow down", () => {
    expect(halvesDiffer([5, 6, 5, 6])).toBe(0);
    expect(halvesDiffer([10, 10, 10, 20, 20, 20])).toBeCloseTo(10 / 15);
  });
});

describe(compareModels, () => {
  test("divides the model's figure by the baseline's", () => {
    const baseline = summarize(
      measurement({ name: "big", samples: [sample({ firstTokenMs: 10, decodeMs: 40 })] }),
    );
    const { model, baseline: name, ratios } = compareModels(summarize(measurement()), baseline);
    expect([model, name]).toEqual(["student", "big"]);
    expect(ratios.firstTokenMs).toBe(0.5);
    expect(ratios.tokensPerSecond).toBe(4);
    expect(ratios.parameters).toBe(1);
  });

  test("has no ratio of words to a baseline that said none", () => {
    const silent = summarize(measurement({ name: "big", samples: [sample({ words: 0 })] }));
    expect(compareModels(summarize(measurement()), silent).ratios.wordsPerSecond).toBeNull();
  });
});

describe(noticeProblems, () => {
  const device: BenchDevice = {
    cpu: "c",
    cores: 4,
    threads: 4,
    memoryBytes: 1,
    platform: "p",
    node: "n",
    engine: "e",
    provider: "cpu",
    simulated: false,
    loadAverage: 0,
  };
  const steady = summarize(measurement());

  test("says nothing of steady runs of equal length on an idle machine", () => {
    expect(noticeProblems(device, [steady, steady], 0.1)).toEqual([]);
  });

  test.each([
    ["a busy machine", { ...device, loadAverage: 3 }, [steady], /load average 3\.00 on 4 cores/],
    ["a drift between the halves", device, [{ ...steady, halvesDiffer: 0.23 }], /student: .* differ by 23 %/],
    [
      "answers of unequal length",
      device,
      [steady, { ...steady, generatedTokens: 12 }],
      /unequal work.*forceTokens/,
    ],
    ["a simulated device", { ...device, provider: "qnn", simulated: true }, [steady], /qnn was simulated/],
  ])("mentions %s", (_, where, models, message) => {
    const notes = noticeProblems(where, models, 0.1);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(message);
  });
});
