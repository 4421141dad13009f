import { withCode } from "@slm/core/testing";
import type { DeviceModel } from "@slm/exported-model";
import { tinyDeviceModel } from "@slm/exported-model/testing";
import { describe, expect, test } from "vitest";
import { compareModels } from "./compare.js";
import { DEVICE } from "../reports/figures.test-support.js";
import { noticeProblems } from "./notes.js";
import { halvesDiffer, summarize, type Measurement } from "./summarize.js";
import type { Sample } from "../models/timed-model.js";

const MODEL = tinyDeviceModel({
  name: "m",
  graphs: {
    encoder: { file: "encoder.onnx", bytes: 300, scheme: "float32" },
    decoder: { file: "decoder.onnx", bytes: 100, scheme: "float32" },
  },
  parameters: 1000,
  headDim: 2,
  flops: { encoderPerSourceToken: 50, decoderPerTargetToken: 80 },
});

function sample(change: Partial<Sample> = {}): Sample {
  return {
    firstTokenMs: 5,
    decodeMs: 10,
    gapsMs: [1, 1, 1, 3, 4],
    steps: 6,
    words: 3,
    totalMs: 20,
    ...change,
  };
}

function measurement(change: Partial<Measurement> = {}): Measurement {
  return {
    name: "student",
    model: MODEL,
    batch: 1,
    sourceTokens: [12, 12],
    opened: {
      loadMs: 7,
      processRssBytes: 40,
      device: { provider: "cpu", threads: 2, description: "cpu", simulated: false, fallbacks: [] },
    },
    loadsMs: [7, 9, 5],
    samples: [sample(), sample()],
    joules: undefined,
    rates: { productFlops: 1e6, readBytes: 1e6 },
    peakRssBytes: 90,
    ...change,
  };
}

describe(summarize, () => {
  test("counts the tokens of all rows, which share the decoder's weights", () => {
    const [one, four] = [1, 4].map((batch) => summarize(measurement({ batch, joules: 24 })));
    expect(four!.tokensPerSecond.p50).toBe(4 * one!.tokensPerSecond.p50);
    expect(four!.spread).toBe(one!.spread);
    expect(four!.joulesPerToken).toBe(one!.joulesPerToken! / 4);
    expect(one!.bytesPerToken - four!.bytesPerToken).toBe(75);
  });

  test("computes the decode rate after the first token, and words over the whole time", () => {
    const figures = summarize(measurement());
    expect(figures.firstTokenMs).toMatchObject({ p50: 5, p90: 5, p95: 5, p99: 5 });
    expect(figures.firstTokenMs.interval).toEqual({ low: 5, high: 5, coverage: 0.5 });
    expect(figures.tokensPerSecond).toMatchObject({ p1: 500, p5: 500, p50: 500, p95: 500 });
    expect(figures.wordsPerSecond.p50).toBe(150);
    expect(figures.bytes).toBe(400);
  });

  test("separates gaps between tokens from the first token, and uses the median of the loads", () => {
    const figures = summarize(measurement());
    expect(figures.interTokenMs.p50).toBe(1);
    expect(figures.interTokenMs.p99).toBeCloseTo(4);
    expect(figures.loadMs).toBe(7);
    expect(figures.samples.map(({ sourceTokens, totalMs }) => [sourceTokens, totalMs])).toEqual([
      [12, 20],
      [12, 20],
    ]);
  });

  test("counts the bytes that a step reads, and compares rates with the machine's", () => {
    const figures = summarize(measurement());
    // 100 of weights, keys and values (1 layer, 1 head of 2, float32) of 12 source tokens and half of 6.
    expect(figures.bytesPerToken).toBe(100 + 2 * 2 * 4 * (12 + 3));
    expect(figures.roofline.product).toBeCloseTo((80 * 500) / 1e6);
    expect(figures.roofline.read).toBeCloseTo((340 * 500) / 1e6);
    const half = summarize(measurement({ model: { ...MODEL, precision: "float16" } }));
    expect(half.bytesPerToken).toBe(100 + 2 * 2 * 2 * 15);
  });

  test("tells how far the steps of runs lie apart", () => {
    const samples = [10, 10, 20, 20].map((decodeMs) => sample({ decodeMs }));
    expect(summarize(measurement({ samples, sourceTokens: [1, 1, 1, 1] })).spread).toBeCloseTo(2 / 3);
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

  test("leaves answers of one step out of the rate, and rejects a model that never took a second", () => {
    const single = sample({ steps: 1, decodeMs: 0 });
    expect(summarize(measurement({ samples: [sample(), single] })).tokensPerSecond.p50).toBe(500);
    expect(() => summarize(measurement({ samples: [single, single] }))).toThrow(withCode("DATA_INVALID"));
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
      measurement({
        name: "big",
        samples: [...[1, 2].map(() => sample({ firstTokenMs: 10, decodeMs: 40 }))],
      }),
    );
    const { model, baseline: name, ratios, intervals } = compareModels(summarize(measurement()), baseline, 1);
    expect([model, name]).toEqual(["student", "big"]);
    expect(ratios.firstTokenMs).toBe(0.5);
    expect(ratios.tokensPerSecond).toBe(4);
    expect(ratios.parameters).toBe(1);
    expect(intervals.firstTokenMs).toMatchObject({ low: 0.5, high: 0.5 });
    expect(intervals.tokensPerSecond).toMatchObject({ low: 4, high: 4 });
    const silent = summarize(measurement({ name: "big", samples: [1, 2].map(() => sample({ words: 0 })) }));
    expect(compareModels(summarize(measurement()), silent, 1).ratios.wordsPerSecond).toBeNull();
  });
});

describe(noticeProblems, () => {
  const device = DEVICE;
  const steady = summarize(measurement());

  test("says nothing of steady runs of equal length on an idle machine", () => {
    expect(noticeProblems(device, [steady, steady], 0.1)).toEqual([]);
  });

  test.each([
    ["a busy machine", { ...device, loadAverage: 3 }, [steady], /load average 3\.00 on 4 cores/],
    [
      "a machine whose rates changed",
      { ...device, ratesDiffer: 0.4 },
      [steady],
      /own rates .* differ by 40 %/,
    ],
    ["time that a hypervisor took", { ...device, stolenShare: 0.2 }, [steady], /hypervisor took 20 %/],
    ["a clock that saves power", { ...device, governor: "powersave" }, [steady], /powersave/],
    [
      "steps of unequal time",
      device,
      [{ ...steady, spread: 0.5 }],
      /student: the interquartile range .* 50 %/,
    ],
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
