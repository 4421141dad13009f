/** The paper's comparison as a benchmark: shapes, the measured grid, and the paper's own figures. */
import { SlmError } from "@slm/core/errors";
import { encoderDecoderConfig, type EncoderDecoderConfig } from "@slm/model";

/** The shape of the paper's 330M model (arXiv:2501.16273, table of architectures); `configs/paper-330m/model.yaml` is the same. */
export const PAPER_SHAPE = {
  architecture: "encoder-decoder",
  width: 1024,
  heads: 6,
  kvHeads: 3,
  headDim: 64,
  feedForward: 4096,
  encoderLayers: 20,
  decoderLayers: 10,
  maxSource: 4096,
  maxTarget: 512,
  bias: true,
  vocabularySize: 32_128,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
} as const;

/** The paper's figures, on its devices. Its decoder-only model had no KV cache: it read the whole input again for every token. */
export const PAPER_CLAIMS = {
  /** Reduction of the time to first token (TTFT), as a fraction, on an NPU. */
  firstTokenReduction: 0.47,
  /** Throughput over the decoder-only model's, on an NPU. */
  throughputRatio: 4.7,
  /** Share of memory saved. */
  memoryReduction: [0.11, 0.16],
  /** Share of the FLOPs of generating a sequence saved. */
  flopsReduction: 0.22,
} as const;

/** The grid: every scheme at every source length and answer length. */
export interface SuiteGrid {
  /** Names of quantization schemes, or `float32`. */
  readonly schemes: readonly string[];
  /** Lengths of the source [tokens]. */
  readonly sources: readonly number[];
  /** Lengths of the answer [tokens]. */
  readonly answers: readonly number[];
  /** Number of encoder layers out of all layers, as in the paper's ablation. The first is measured on the whole grid. */
  readonly encoderLayers: readonly number[];
  /** Batch sizes. The first is measured on the whole grid. */
  readonly batches: readonly number[];
}

/** Those of the paper's lengths that take minutes, not hours. The paper's split of layers first, then a third and a half. */
export const DEFAULT_GRID: SuiteGrid = {
  schemes: ["float32", "cpu"],
  sources: [128, 512, 2048],
  answers: [64],
  encoderLayers: [20, 10, 15],
  batches: [1],
};

/** One point of the grid. */
export interface SuiteCell {
  readonly scheme: string;
  readonly source: number;
  readonly answer: number;
  readonly encoderLayers: number;
  readonly batch: number;
}

/** The points in the order of measurement. Models are in the outer loops, so that each is made once. */
export function cellsOf(grid: SuiteGrid): readonly SuiteCell[] {
  const { schemes, sources, answers } = grid;
  const [encoderLayers, ...otherSplits] = atLeastOne(grid.encoderLayers, "a split");
  const [batch, ...otherBatches] = atLeastOne(grid.batches, "a batch");
  const whole = schemes.flatMap((scheme) =>
    sources.flatMap((source) => answers.map((answer) => ({ scheme, source, answer, encoderLayers, batch }))),
  );
  // Other batch sizes and splits are measured at the middle of the grid, in the last scheme, which would be deployed.
  const middle = {
    scheme: atLeastOne(schemes, "a scheme").at(-1)!,
    source: atLeastOne(sources, "a source length")[Math.floor(sources.length / 2)]!,
    answer: atLeastOne(answers, "an answer length")[0],
  };
  return [
    ...whole,
    ...otherBatches.map((rows) => ({ ...middle, encoderLayers, batch: rows })),
    ...otherSplits.map((layers) => ({ ...middle, encoderLayers: layers, batch })),
  ];
}

function atLeastOne<T>(list: readonly T[], what: string): readonly [T, ...T[]] {
  const [first, ...others] = list;
  if (first === undefined) throw new SlmError("USAGE", `bench: the suite needs ${what}, got none`);
  return [first, ...others];
}

/** A shape with another split of layers, and limits for the longest point of the grid.
 *
 * @throws SlmError CONFIG_INVALID; USAGE if a split leaves one side without layers
 */
export function splitShape(
  shape: EncoderDecoderConfig,
  layers: number,
  grid: SuiteGrid,
): EncoderDecoderConfig {
  const all = shape.encoderLayers + shape.decoderLayers;
  if (layers < 1 || layers >= all)
    throw new SlmError("USAGE", `bench: expected 1 to ${all - 1} encoder layers of ${all}, got ${layers}`);
  return encoderDecoderConfig.parse({
    ...shape,
    encoderLayers: layers,
    decoderLayers: all - layers,
    maxSource: Math.max(shape.maxSource, ...grid.sources),
    // The BOS token takes one position.
    maxTarget: Math.max(shape.maxTarget, ...grid.answers.map((answer) => answer + 1)),
  });
}
