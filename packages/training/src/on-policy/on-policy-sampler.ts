/**
 * Samples targets with weights that are still being trained. One run generates several positions: the program feeds the sampled token to the
 * next position, so the host synchronizes once per run instead of once per token.
 */
import { SlmError } from "@slm/core";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Program, SampleTokensOptions } from "@slm/tensor";
import { cacheNames, cacheSpec, contextSpecs, encodeProgram } from "./on-policy-programs.js";
import { isSingleRun, planSampling, sampleProgram, type SamplingPlan } from "./sample-program.js";
import { filled, sourceFeeds } from "../feeds/source-feeds.js";
import { uniformNumbers } from "../program/step-random.js";
import type { LiveModel } from "../contract/training-contract.js";

export interface OnPolicySamplerShape {
  /** Rows sampled together; fewer sources are padded with copies of the first. */
  readonly rows: number;
  /** Longest source [tokens]. */
  readonly source: number;
  /** Largest number of tokens of a target, including EOS. */
  readonly target: number;
}

type LiveWeights = LiveModel["feeds"];
type Held = Readonly<Record<string, HostTensor | DeviceTensor>>;

/** Samples batches with a model's current weights; programs are compiled once. */
export class OnPolicySampler {
  readonly shape: OnPolicySamplerShape;
  private readonly live: LiveModel;
  private readonly plan: SamplingPlan;
  private readonly programs: { readonly encoder: Program | undefined; readonly step: Program };
  private readonly caches: Readonly<Record<string, DeviceTensor>>;

  private constructor(
    live: LiveModel,
    shape: OnPolicySamplerShape,
    plan: SamplingPlan,
    programs: OnPolicySampler["programs"],
    caches: Readonly<Record<string, DeviceTensor>>,
  ) {
    this.live = live;
    this.shape = shape;
    this.plan = plan;
    this.programs = programs;
    this.caches = caches;
  }

  /** Compiles the programs of a model for one shape. */
  static async create(
    live: LiveModel,
    shape: OnPolicySamplerShape,
    options: SampleTokensOptions,
  ): Promise<OnPolicySampler> {
    const { engine, config, chunks } = live;
    const plan = planSampling(config, shape);
    const isApart = config.architecture === "encoder-decoder" && !isSingleRun(plan);
    const encoder = isApart ? await engine.compile(encodeProgram(config, plan, chunks)) : undefined;
    const step = await engine.compile(sampleProgram(config, plan, options, chunks));
    const caches: Record<string, DeviceTensor> = {};
    const { dtype, shape: size } = cacheSpec(config, plan);
    for (const name of isSingleRun(plan) ? [] : cacheNames(config))
      caches[name] = await engine.upload(createHostTensor(dtype, size));
    return new OnPolicySampler(live, shape, plan, { encoder, step }, caches);
  }

  /**
   * One target per source, without special tokens: the sampled tokens up to EOS, or up to the length limit.
   *
   * @param weights the current weights.
   * @param random uniform in [0, 1): the targets are a pure function of the weights and of these numbers.
   * @param images pixel samples of each source's image, for a vision-language model.
   */
  async sample(
    weights: LiveWeights,
    sources: readonly Int32Array[],
    random: () => number,
    images?: readonly Uint8Array[],
  ): Promise<number[][]> {
    const { rows } = this.shape;
    const { config } = this.live;
    if (sources.length === 0 || sources.length > rows)
      throw new SlmError(
        "UNEXPECTED",
        `on-policy sampler: expected 1 to ${rows} sources, got ${sources.length}`,
      );
    const padded = filled(sources, rows);
    const { encoder } = this.programs;
    const read =
      config.architecture === "encoder-decoder"
        ? sourceFeeds(config, this.shape, padded, images && filled(images, rows))
        : {};
    if (encoder === undefined)
      return (await this.run(padded, { ...weights, ...read }, random)).slice(0, sources.length);
    const { kept } = await encoder.run({
      feeds: { ...weights, ...read },
      keep: Object.keys(contextSpecs(config, this.plan)),
    });
    try {
      return (await this.run(padded, { ...weights, ...kept }, random)).slice(0, sources.length);
    } finally {
      await this.live.engine.release(Object.values(kept));
    }
  }

  /** Runs multi-step chunks until every row has ended. `held` contains the weights, and the sources or the encoder's outputs. */
  private async run(sources: readonly Int32Array[], held: Held, random: () => number): Promise<number[][]> {
    const { bos, eos } = this.live.config.tokens;
    const { rows, target } = this.shape;
    const { capacity, positions } = this.plan;
    const isPrompt = this.live.config.architecture === "decoder-only";
    const prompts = isPrompt ? sources : sources.map(() => new Int32Array(0));
    const tokens = sources.map((): number[] => []);
    const isDone = new Uint8Array(rows);
    let last: Int32Array = new Int32Array(rows);
    for (let start = 0; start < capacity && isDone.includes(0); start += positions) {
      const given = new Int32Array(rows * positions);
      const free = new Int32Array(rows * positions);
      prompts.forEach((prompt, row) => {
        for (let k = 0; k < positions; k++) {
          const at = start + k;
          if (at > prompt.length) free[row * positions + k] = 1;
          else given[row * positions + k] = prompt[at] ?? bos;
        }
      });
      const drawn = await this.runChunk({ start, given, free, last }, held, random);
      last = Int32Array.from({ length: rows }, (_, row) => drawn[row * positions + positions - 1]!);
      prompts.forEach((prompt, row) => {
        for (let k = 0; k < positions && isDone[row] === 0; k++) {
          if (start + k < prompt.length) continue;
          const token = drawn[row * positions + k]!;
          if (token === eos) isDone[row] = 1;
          else tokens[row]!.push(token);
          if (tokens[row]!.length === target) isDone[row] = 1;
        }
      });
    }
    return tokens;
  }

  private async runChunk(
    state: {
      readonly start: number;
      readonly given: Int32Array;
      readonly free: Int32Array;
      readonly last: Int32Array;
    },
    held: Held,
    random: () => number,
  ): Promise<Int32Array> {
    const { rows } = this.shape;
    const { positions } = this.plan;
    const uniform = uniformNumbers(rows * positions, random);
    const feeds: Record<string, HostTensor | DeviceTensor> = {
      ...held,
      given: createHostTensor("int32", [rows, positions], state.given),
      free: createHostTensor("int32", [rows, positions], state.free),
      uniform: createHostTensor("float32", [rows, positions], uniform),
    };
    if (!isSingleRun(this.plan)) {
      const at = Int32Array.from({ length: positions }, (_, k) => state.start + k);
      feeds["positions"] = createHostTensor("int32", [positions], at);
      feeds["last"] = createHostTensor("int32", [rows, 1], state.last);
    }
    const into: Record<string, DeviceTensor> = {};
    for (const [name, cache] of Object.entries(this.caches)) {
      feeds[`past.${name}`] = cache;
      into[`present.${name}`] = cache;
    }
    const { fetched } = await this.programs.step.run({ feeds, fetch: ["drawn"], into });
    return fetched["drawn"]!.data as Int32Array;
  }

  async close(): Promise<void> {
    await this.live.engine.release(Object.values(this.caches));
    await this.programs.encoder?.release();
    await this.programs.step.release();
  }
}
