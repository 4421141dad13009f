/** A teacher ready to answer: next-token logits over given targets, and targets of its own. */
import { decode as decodeTokens, type Strategy } from "@slm/decoding";
import { decode, outputHead, type Checkpoint, type DecoderOnlyConfig } from "@slm/model";
import type { DeviceTensor } from "@slm/runtime";
import { math, type Engine, type Program } from "@slm/tensor";
import {
  createLiveDecoder,
  packWeights,
  planChunks,
  unpackParameters,
  valueInput,
  valueSpecs,
  type LiveDecoder,
} from "@slm/training";
import { sequenceBatch } from "./sequence.js";

/** A source and the target to score. */
export interface ScoredPair {
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

/** Sizes of one program: rows, and positions of each side (the target's with its end mark). */
export interface ScoreShape {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
}

export interface Teacher {
  readonly config: DecoderOnlyConfig;
  /**
   * Teacher logits at every target position of `[source ; target]`, on the device: `[batch · target, vocab]`, row
   * b · target + i predicting target token i of pair b (and the end mark after the last). Rows beyond a target are arbitrary.
   * The caller releases the tensor.
   */
  score(pairs: readonly ScoredPair[], shape: ScoreShape): Promise<DeviceTensor>;
  /** The teacher's own targets, at most `shape.target - 1` tokens each, without marks. */
  generate(
    sources: readonly Int32Array[],
    shape: ScoreShape,
    strategy: Strategy,
    random: () => number,
  ): Promise<number[][]>;
  close(): Promise<void>;
}

/** Puts a decoder-only checkpoint on the engine. Programs are compiled when a shape is first asked for. */
export async function loadTeacher(
  engine: Engine,
  { config, weights }: Checkpoint & { readonly config: DecoderOnlyConfig },
): Promise<Teacher> {
  const chunks = planChunks(config);
  const feeds: Record<string, DeviceTensor> = {};
  for (const chunk of chunks) feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  const scorers = new Map<string, Program>();
  const decoders = new Map<string, LiveDecoder>();
  const live = { engine, config, feeds };

  const scorer = async ({ batch, source, target }: ScoreShape): Promise<Program> => {
    const key = `${batch}x${source}x${target}`;
    const known = scorers.get(key);
    if (known !== undefined) return known;
    const length = source + target;
    const program = await engine.compile({
      name: `teacher score ${key}`,
      forwardOnly: true,
      inputs: {
        ...valueSpecs(chunks),
        inputs: { dtype: "int32", shape: [batch, length] },
        positions: { dtype: "int32", shape: [batch * target] },
      },
      build: (x) => {
        const parameters = unpackParameters(chunks, x);
        const hidden = math.reshape(decode(config, parameters, x["inputs"]!), [batch * length, config.width]);
        return { logits: outputHead(parameters, math.gatherRows(hidden, x["positions"]!)) };
      },
    });
    scorers.set(key, program);
    return program;
  };

  const decoderFor = async ({ batch, source, target }: ScoreShape): Promise<LiveDecoder> => {
    const key = `${batch}x${source}x${target}`;
    const known = decoders.get(key);
    if (known !== undefined) return known;
    const decoder = await createLiveDecoder(live, { rows: batch, source, capacity: source + target });
    decoders.set(key, decoder);
    return decoder;
  };

  return {
    config,
    score: async (pairs, shape) => {
      const program = await scorer(shape);
      const { inputs, positions } = sequenceBatch(pairs, shape, config.tokens);
      const { kept } = await program.run({ feeds: { ...feeds, inputs, positions }, keep: ["logits"] });
      return kept["logits"]!;
    },
    generate: async (sources, shape, strategy, random) => {
      const decoder = await decoderFor(shape);
      const step = await decoder.start(sources);
      const { bos, eos, pad } = config.tokens;
      const results = await decodeTokens(step, {
        bos,
        eos,
        pad,
        maxTokens: Math.max(1, shape.target - 1),
        strategy,
        random,
      });
      return results.slice(0, sources.length).map(({ tokens }) => tokens);
    },
    close: async () => {
      for (const program of scorers.values()) await program.release();
      for (const decoder of decoders.values()) await decoder.close();
      await engine.release(Object.values(feeds));
    },
  };
}
