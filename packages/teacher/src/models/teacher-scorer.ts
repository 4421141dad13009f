/** Loads a checkpoint of either architecture as a teacher. Programs are compiled when a shape is first used. */
import { SlmError } from "@slm/core";
import { outputHead, parameterCount, visionOf } from "@slm/model";
import { type Checkpoint } from "@slm/checkpoints";
import type { DeviceTensor, HostTensor } from "@slm/runtime";
import type { Engine, Program } from "@slm/tensor";
import {
  createOnPolicyDecoder,
  modelPass,
  packWeights,
  planChunks,
  PromptDecoder,
  unpackParameters,
  valueInput,
  valueSpecs,
  type LiveModel,
  type OnPolicyDecoder,
} from "@slm/training";
import { decodeWith, generateWith } from "./generate.js";
import type { ScoredPair, ScoreShape, Teacher } from "./teacher.js";

/** Prefix of the feeds of a program's only pass over targets. */
const PASS = "read";

/** Caches values by key. */
function memoize<Value>(make: (shape: ScoreShape) => Promise<Value>): {
  get(shape: ScoreShape): Promise<Value>;
  values(): Iterable<Value>;
} {
  const made = new Map<string, Value>();
  return {
    get: async (shape) => {
      const key = `${shape.batch}x${shape.source}x${shape.target}`;
      const value = made.get(key) ?? (await make(shape));
      made.set(key, value);
      return value;
    },
    values: () => made.values(),
  };
}

/** Decoders of a model with constant weights, one per shape. */
function decodersOf({ engine, config, feeds }: LiveModel): Pick<Teacher, "start" | "close"> {
  if (config.architecture === "encoder-decoder") {
    const decoders = memoize<OnPolicyDecoder>(({ batch, source, target }) =>
      createOnPolicyDecoder({ engine, config, feeds }, { rows: batch, source, capacity: target }),
    );
    return {
      start: async (sources, shape) => (await decoders.get(shape)).start(sources),
      close: async () => {
        for (const decoder of decoders.values()) await decoder.close();
      },
    };
  }
  const source = config.maxSource;
  const decoders = memoize<PromptDecoder>(({ batch, target }) => {
    const shape = { rows: batch, source, capacity: source + target };
    return Promise.resolve(new PromptDecoder({ engine, config, feeds }, shape));
  });
  return {
    start: async (sources, shape) => {
      // A decoder allocates as much as its source needs, so one decoder is enough for all source lengths.
      const decoder = await decoders.get({ ...shape, source });
      return decoder.startFrozen(sources, shape.shared ?? 0);
    },
    close: async () => {
      for (const decoder of decoders.values()) await decoder.close();
    },
  };
}

/** Loads a checkpoint on the engine. @throws SlmError CONFIG_INVALID for a model that reads images */
export async function loadTeacher(engine: Engine, { config, weights }: Checkpoint): Promise<Teacher> {
  if (visionOf(config) !== undefined)
    throw new SlmError("CONFIG_INVALID", "teacher: the model reads images, but teachers are text-only");
  const chunks = planChunks(config);
  const feeds: Record<string, DeviceTensor> = {};
  for (const chunk of chunks) feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));

  const scorers = memoize<Program>((shape) => {
    const pass = modelPass(config, shape);
    return engine.compile({
      name: `teacher score ${shape.batch}x${shape.source}x${shape.target}`,
      forwardOnly: true,
      inputs: { ...valueSpecs(chunks), ...pass.shared, ...pass.passInputs(PASS) },
      build: (x) => {
        const parameters = unpackParameters(chunks, x);
        return { logits: outputHead(config, parameters, pass.open(parameters, x).target(PASS)) };
      },
    });
  });
  const { start, close: closeDecoders } = decodersOf({ engine, config, feeds });

  const feedsOf = (
    pairs: readonly ScoredPair[],
    shape: ScoreShape,
  ): Record<string, HostTensor | DeviceTensor> => {
    const pass = modelPass(config, shape);
    const sources = pairs.map(({ source }) => source);
    const targets = pairs.map(({ target }) => target);
    const given = { ...pass.sharedFeeds(sources), ...pass.passFeeds(PASS, sources, targets).feeds };
    const read = Object.keys({ ...pass.shared, ...pass.passInputs(PASS) });
    return { ...feeds, ...Object.fromEntries(read.map((name) => [name, given[name]!])) };
  };

  return {
    config,
    parameters: parameterCount(config),
    start,
    decode: decodeWith(start, config.tokens),
    generate: generateWith(start, config.tokens),
    score: async (pairs, shape) => {
      const program = await scorers.get(shape);
      const { kept } = await program.run({ feeds: feedsOf(pairs, shape), keep: ["logits"] });
      return kept["logits"]!;
    },
    close: async () => {
      for (const program of scorers.values()) await program.release();
      await closeDecoders();
      await engine.release(Object.values(feeds));
    },
  };
}
