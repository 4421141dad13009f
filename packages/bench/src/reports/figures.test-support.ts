/** A synthetic benchmark for tests of reports and notes. */
import type { BenchDevice, BenchResult, ModelFigures } from "../results/bench-result.js";
import { compareModels } from "../results/compare.js";

const around = (value: number) => ({ low: 0.9 * value, high: 1.1 * value, coverage: 0.96 });

export const STUDENT: ModelFigures = {
  name: "student",
  architecture: "encoder-decoder",
  scheme: "cpu",
  parameters: 1_330_000,
  bytes: 2_000_000,
  runs: 2,
  batch: 1,
  loadMs: 12,
  loadsMs: [11, 12, 13],
  firstTokenMs: { p50: 1.5, p90: 2, p95: 2.5, p99: 3, interval: around(1.5) },
  interTokenMs: { p50: 1.1, p90: 1.2, p95: 1.3, p99: 1.4 },
  tokensPerSecond: { p1: 700, p5: 800, p10: 850, p50: 900, p95: 1000, interval: around(900) },
  wordsPerSecond: { p1: 200, p5: 300, p10: 350, p50: 400, p95: 500, interval: around(400) },
  totalMs: { p50: 8, p90: 8.5, p95: 9, p99: 10, interval: around(8) },
  sourceTokens: 9,
  generatedTokens: 7,
  joulesPerToken: null,
  peakRssBytes: 120_000_000,
  processRssBytes: 80_000_000,
  flopsPerToken: 2_000_000,
  flopsPerTokenWithSource: 3_500_000,
  bytesPerToken: 2_500_000,
  roofline: { product: 0.02, read: 0.3 },
  halvesDiffer: 0.02,
  spread: 0.03,
  samples: [8, 8.5].map((totalMs) => ({
    sourceTokens: 9,
    firstTokenMs: 1.5,
    decodeMs: totalMs - 1.5,
    steps: 7,
    words: 7,
    totalMs,
  })),
};

const BASELINE: ModelFigures = {
  ...STUDENT,
  name: "<b>base</b>",
  firstTokenMs: { ...STUDENT.firstTokenMs, p50: 6, interval: around(6) },
};

export const DEVICE: BenchDevice = {
  cpu: "Example CPU",
  cpuFeatures: ["avx2"],
  governor: null,
  cores: 4,
  threads: 2,
  memoryBytes: 8e9,
  platform: "linux-x64",
  node: "v20.0.0",
  engine: "engine 1.0",
  provider: "cpu",
  description: "Example CPU",
  simulated: false,
  fallbacks: [],
  loadAverage: 0.1,
  stolenShare: 0,
  energy: "not measured: no counter",
  rates: { productFlops: 2e11, readBytes: 2e10 },
  ratesDiffer: 0.01,
};

export const RESULT: BenchResult = {
  device: DEVICE,
  models: [STUDENT, BASELINE],
  comparisons: [compareModels(STUDENT, BASELINE, 1)],
  notes: ["Runs drift."],
};
