/** A decoder-only checkpoint as a teacher. Programs are compiled when a shape is first asked for. */
import { decode, outputHead, parameterCount, type Checkpoint, type DecoderOnlyConfig } from "@slm/model";
import { createHostTensor, type DeviceTensor } from "@slm/runtime";
import { math, type Engine, type Program, type Tensor } from "@slm/tensor";
import {
  createLiveDecoder,
  packWeights,
  planChunks,
  unpackParameters,
  valueInput,
  valueSpecs,
  type LiveDecoder,
} from "@slm/training";
import { decodeWith, generateWith } from "./generate.js";
import { sequenceBatch } from "./sequence.js";
import type { ScoreShape, Teacher } from "./teacher.js";

/** Things made once for a key. */
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

/** Puts a decoder-only checkpoint on the engine. */
export async function loadTeacher(
  engine: Engine,
  { config, weights }: Checkpoint & { readonly config: DecoderOnlyConfig },
): Promise<Teacher> {
  const chunks = planChunks(config);
  const feeds: Record<string, DeviceTensor> = {};
  for (const chunk of chunks) feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));

  /** Hidden states of `[batch, length]` ids as rows. */
  const statesOf = (x: Readonly<Record<string, Tensor>>, rows: number): Tensor =>
    math.reshape(decode(config, unpackParameters(chunks, x), x["inputs"]!), [rows, config.width]);

  const scorers = memoize<Program>(({ batch, source, target }) =>
    engine.compile({
      name: `teacher score ${batch}x${source}x${target}`,
      forwardOnly: true,
      inputs: {
        ...valueSpecs(chunks),
        inputs: { dtype: "int32", shape: [batch, source + target] },
        positions: { dtype: "int32", shape: [batch * target] },
      },
      build: (x) => {
        const hidden = math.gatherRows(statesOf(x, batch * (source + target)), x["positions"]!);
        return { logits: outputHead(config, unpackParameters(chunks, x), hidden) };
      },
    }),
  );
  const readers = memoize<Program>(({ batch, source }) =>
    engine.compile({
      name: `teacher states ${batch}x${source}`,
      forwardOnly: true,
      inputs: { ...valueSpecs(chunks), inputs: { dtype: "int32", shape: [batch, source] } },
      build: (x) => ({ hidden: statesOf(x, batch * source) }),
    }),
  );
  const decoders = memoize<LiveDecoder>(({ batch, source, target }) =>
    createLiveDecoder({ engine, config, feeds }, { rows: batch, source, capacity: source + target }),
  );

  const start: Teacher["start"] = async (sources, shape) => (await decoders.get(shape)).start(sources);
  return {
    config,
    parameters: parameterCount(config),
    start,
    decode: decodeWith(start, config.tokens),
    generate: generateWith(start, config.tokens),
    score: async (pairs, shape) => {
      const program = await scorers.get(shape);
      const { inputs, positions } = sequenceBatch(pairs, shape, config.tokens);
      const { kept } = await program.run({ feeds: { ...feeds, inputs, positions }, keep: ["logits"] });
      return kept["logits"]!;
    },
    hiddenStates: async (sources, { batch, source }) => {
      const program = await readers.get({ batch, source, target: 0 });
      const ids = new Int32Array(batch * source).fill(config.tokens.pad);
      sources.forEach((tokens, row) => {
        ids.set(tokens, row * source);
      });
      const inputs = createHostTensor("int32", [batch, source], ids);
      const { kept } = await program.run({ feeds: { ...feeds, inputs }, keep: ["hidden"] });
      return kept["hidden"]!;
    },
    close: async () => {
      for (const program of [...scorers.values(), ...readers.values()]) await program.release();
      for (const decoder of decoders.values()) await decoder.close();
      await engine.release(Object.values(feeds));
    },
  };
}
