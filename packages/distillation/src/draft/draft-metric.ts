/** The dev metric of draft heads: how many of their tokens greedy decoding would accept. */
import type { EncoderDecoderConfig } from "@slm/model";
import type { Tokenizer } from "@slm/tokenizer";
import type { Engine, Program } from "@slm/tensor";
import {
  planChunks,
  unpackParameters,
  valueSpecs,
  type DevMetric,
  type DevRow,
  type LiveModel,
} from "@slm/training";
import {
  acceptedDrafts,
  askable,
  draftFeeds,
  draftInputs,
  type DraftRows,
  type DraftShape,
} from "./draft-loss.js";

/** Rows of one program run. */
const ROWS = 32;

/** Name of the metric: draft tokens that are right, with all before them, per position. */
const ACCEPTED = "draft.accepted";

export interface DraftMetric extends DevMetric {
  close(): Promise<void>;
}

interface DraftMetricOptions {
  readonly config: EncoderDecoderConfig;
  readonly tokenizer: Tokenizer;
  readonly rows: readonly DevRow[];
}

/**
 * Measures the heads at every position of the dev targets. A head counts as right where it and all heads before it have the student's own
 * top-1 token. Greedy decoding asks at fewer places, so its number differs a little.
 *
 * @throws SlmError DATA_INVALID for a row that the tokenizer rejects
 */
export function draftMetric({ config, tokenizer, rows }: DraftMetricOptions): DraftMetric {
  const sources = rows.map(({ source }) => tokenizer.encodeSource(source));
  const targets = rows.map(({ target }) => tokenizer.encodeTarget(target));
  const target = Math.max(...targets.map(({ length }) => length + 1));
  const shape: DraftShape = {
    batch: Math.min(ROWS, rows.length),
    source: Math.max(...sources.map(({ length }) => length)),
    target,
    positions: Math.max(1, target - 1),
  };
  let program: Promise<Program> | undefined;
  return {
    ranking: [{ name: ACCEPTED, higherIsBetter: true }],
    measure: async (live) => {
      program ??= compile(live.engine, config, shape);
      const compiled = await program;
      const sums = new Float64Array(config.draftHeads ?? 0);
      let positions = 0;
      for (let begin = 0; begin < rows.length; begin += shape.batch) {
        const taken = rows.slice(begin, begin + shape.batch);
        const part: DraftRows = {
          sources: sources.slice(begin, begin + shape.batch),
          targets: targets.slice(begin, begin + shape.batch),
          images: config.vision === undefined ? undefined : taken.flatMap(({ samples }) => samples ?? []),
        };
        const asked = part.targets.map((tokens) =>
          Array.from({ length: askable(tokens, target) }, (_, at) => at),
        );
        positions += asked.reduce((sum, { length }) => sum + length, 0);
        const right = await run(compiled, live, draftFeeds(config, shape, part, asked));
        right.forEach((count, head) => (sums[head]! += count));
      }
      const shares = Array.from(sums, (sum) => sum / Math.max(1, positions));
      return {
        [ACCEPTED]: shares.reduce((sum, share) => sum + share, 0),
        ...Object.fromEntries(shares.map((share, head) => [`draft.${head + 1}`, share])),
      };
    },
    close: async () => {
      await (await program)?.release();
    },
  };
}

function compile(engine: Engine, config: EncoderDecoderConfig, shape: DraftShape): Promise<Program> {
  const chunks = planChunks(config);
  return engine.compile({
    name: "draft heads on the dev rows",
    forwardOnly: true,
    inputs: { ...draftInputs(config, shape), ...valueSpecs(chunks) },
    build: (x) => ({ accepted: acceptedDrafts(config, shape, unpackParameters(chunks, x), x) }),
  });
}

async function run(
  program: Program,
  { feeds: weights }: LiveModel,
  feeds: ReturnType<typeof draftFeeds>,
): Promise<Float32Array> {
  const { fetched } = await program.run({ feeds: { ...weights, ...feeds }, fetch: ["accepted"] });
  return fetched["accepted"]!.data as Float32Array;
}
