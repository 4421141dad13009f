/**
 * Times generation without any cache, as in the paper's code (src/mu/models/modeling_mu.py, `generate`, commit 86c7c65): the encoder runs once, and
 * every token computes the decoder over the whole prefix again, cross-attention's keys and values included. A decoder-only model computes source
 * and prefix again.
 *
 * Times are processor seconds of one thread, which other programs on the machine disturb less than elapsed time. A step is timed at a few prefix
 * lengths; the lengths between are interpolated.
 */
import { readModelConfig } from "@slm/checkpoints";
import { cacheTensors, decoderGraph, GRAPH_IO, readDeviceModel, type DeviceModel } from "@slm/exported-model";
import {
  cacheCapacity,
  crossCaches,
  flopsPerToken,
  parameterSpecs,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "@slm/model";
import {
  createHostTensor,
  elementCount,
  type DeviceTensor,
  type HostTensor,
  type Runtime,
  type Session,
} from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createOnnxEngine, type Program } from "@slm/tensor";
import { join } from "node:path";

export interface UncachedFigures {
  /** Until the first token, encoding included [s of one thread]. */
  readonly firstSeconds: number;
  /** All tokens [s of one thread]. */
  readonly totalSeconds: number;
  /** Multiply-adds of linear layers for all tokens, counted as two [FLOP]. */
  readonly flops: number;
}

export interface UncachedRequest {
  /** An exported model. */
  readonly directory: string;
  /** Source tokens. */
  readonly source: number;
  /** Generated tokens. */
  readonly answer: number;
  /** Timed runs of each length; the median counts. */
  readonly runs: number;
}

type Feeds = Readonly<Record<string, HostTensor | DeviceTensor>>;

/** Some token id; times do not depend on it. */
const TOKEN = 5;

/** Prefix lengths at which a step is timed, as fractions of the answer. */
const TIMED_AT = [0, 0.5, 1];

export async function measureWithoutCaches(request: UncachedRequest): Promise<UncachedFigures> {
  const { directory, source, answer } = request;
  const [model, config] = [await readDeviceModel(directory), await readModelConfig(directory)];
  const runtime = await createCpuRuntime({ inThread: true, threads: 1 });
  try {
    const flops = flopsWithoutCaches(config, source, answer);
    if (config.architecture === "decoder-only") {
      const decoder = await openDecoder(runtime, directory, model, config);
      const step = (length: number): Promise<unknown> => decoder(source + length, {});
      const seconds = await timed(request, step);
      return { firstSeconds: seconds(1), totalSeconds: sumTo(answer, seconds), flops };
    }
    const encoder = await openEncoder(runtime, directory, model, source);
    const context = await encoder();
    const decoder = await openDecoder(runtime, directory, model, config);
    const project = await crossProgram(runtime, config, source);
    const step = async (length: number): Promise<void> => {
      await project();
      await decoder(length, context);
    };
    const seconds = await timed(request, step);
    const encoding = await medianSeconds(request.runs, async () =>
      runtime.release(Object.values(await encoder())),
    );
    return {
      firstSeconds: encoding + seconds(1),
      totalSeconds: encoding + sumTo(answer, seconds),
      flops,
    };
  } finally {
    await runtime.close();
  }
}

/** FLOPs of the linear layers. The output head runs at the last position only, as in slm's graphs. */
export function flopsWithoutCaches(config: ModelConfig, source: number, answer: number): number {
  const { encoderPerSourceToken, decoderPerTargetToken } = flopsPerToken(config);
  const head = 2 * config.vocabularySize * config.width;
  const body = decoderPerTargetToken - head;
  if (config.architecture === "decoder-only")
    return sumTo(answer, (length) => (source + length) * body + head);
  const { decoderLayers, kvHeads, headDim, width } = config;
  const cross = 2 * decoderLayers * (2 * width * kvHeads * headDim);
  return (
    source * (encoderPerSourceToken - cross) +
    sumTo(answer, (length) => source * cross + length * body + head)
  );
}

/** The sum of `value` over the prefix lengths 1 to `last`. */
const sumTo = (last: number, value: (length: number) => number): number =>
  Array.from({ length: last }, (_, at) => value(at + 1)).reduce((sum, part) => sum + part, 0);

/** Times a step at a few lengths. @returns the seconds at any length between them */
async function timed(
  { answer, runs }: UncachedRequest,
  step: (length: number) => Promise<unknown>,
): Promise<(length: number) => number> {
  const lengths = [...new Set(TIMED_AT.map((share) => Math.round(1 + share * (answer - 1))))];
  const points: (readonly [number, number])[] = [];
  for (const length of lengths) points.push([length, await medianSeconds(runs, () => step(length))]);
  return (length) => interpolated(points, length);
}

function interpolated(points: readonly (readonly [number, number])[], length: number): number {
  const after = Math.max(
    1,
    points.findIndex(([at]) => at >= length),
  );
  const [from, until] = [points[after - 1]!, points[after] ?? points[after - 1]!];
  const share = until[0] === from[0] ? 0 : (length - from[0]) / (until[0] - from[0]);
  return from[1] + share * (until[1] - from[1]);
}

/** Median processor time of one run, after one that does not count [s]. */
async function medianSeconds(runs: number, run: () => Promise<unknown>): Promise<number> {
  await run();
  const seconds: number[] = [];
  for (let at = 0; at < runs; at += 1) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
  }
  return seconds.sort((one, other) => one - other)[Math.floor(runs / 2)]!;
}

const loaded = (runtime: Runtime, directory: string, file: string): Promise<Session> =>
  runtime.load({ kind: "file", path: join(directory, file) }, { name: file });

const ids = (length: number): HostTensor =>
  createHostTensor("int32", [1, length], new Int32Array(length).fill(TOKEN));

/** Small equal values; times do not depend on them. */
const filled = (shape: readonly number[]): HostTensor =>
  createHostTensor("float32", shape, new Float32Array(elementCount(shape)).fill(0.01));

/** @returns runs the encoder and keeps the decoder's inputs on the device */
async function openEncoder(
  runtime: Runtime,
  directory: string,
  { graphs }: DeviceModel,
  source: number,
): Promise<() => Promise<Readonly<Record<string, DeviceTensor>>>> {
  const session = await loaded(runtime, directory, graphs.encoder!.file);
  const feeds: Feeds = {
    [GRAPH_IO.sourceIds]: ids(source),
    [GRAPH_IO.sourceLengths]: createHostTensor("int32", [1], Int32Array.of(source)),
  };
  return async () => (await session.run({ feeds, keep: session.outputNames })).kept;
}

/** @returns computes the logits after a prefix with empty caches */
async function openDecoder(
  runtime: Runtime,
  directory: string,
  model: DeviceModel,
  config: ModelConfig,
): Promise<(length: number, context: Feeds) => Promise<unknown>> {
  const session = await loaded(runtime, directory, decoderGraph(model).file);
  const empty: Record<string, DeviceTensor> = {};
  for (const { past, heads, width } of cacheTensors(config)) {
    const shape = [1, heads, cacheCapacity(config), width];
    empty[past] = await runtime.upload(filled(shape));
  }
  const pastLength = createHostTensor("int32", [1], Int32Array.of(0));
  return (length, context) =>
    session.run({
      feeds: { ...empty, ...context, [GRAPH_IO.targetIds]: ids(length), [GRAPH_IO.pastLength]: pastLength },
      fetch: [GRAPH_IO.logits],
    });
}

/** @returns computes the keys and values of cross-attention of all layers, in float32 */
async function crossProgram(
  runtime: Runtime,
  config: EncoderDecoderConfig,
  source: number,
): Promise<() => Promise<unknown>> {
  const engine = createOnnxEngine(runtime);
  const states = filled([1, source, config.width]);
  const feeds: Record<string, DeviceTensor> = { states: await engine.upload(states) };
  for (const { name, shape } of parameterSpecs(config))
    if (/crossAttention\.(?:key|value)\./u.test(name)) feeds[name] = await engine.upload(filled(shape));
  const outputs = Array.from({ length: 2 * config.decoderLayers }, (_, at) => `cache.${at}`);
  const program: Program = await engine.compile({
    name: "cross-attention's keys and values",
    forwardOnly: true,
    inputs: Object.fromEntries(
      Object.entries(feeds).map(([name, { shape }]) => [name, { dtype: "float32", shape }]),
    ),
    build: (x) => {
      const caches = crossCaches(config, x, x["states"]!).flatMap(({ key, value }) => [key, value]);
      return Object.fromEntries(caches.map((cache, at) => [`cache.${at}`, cache]));
    },
  });
  return async () => engine.release(Object.values((await program.run({ feeds, keep: outputs })).kept));
}
