/**
 * Decoding with weights that are still being trained. The encoder and a one-position decoder step are programs over the current weights; caches
 * stay on the device. Used for dev metrics, on-policy targets and teacher-generated targets. `prompt-decoder.ts` decodes with decoder-only
 * models.
 */
import type { StepDecoder, TopTokens } from "@slm/generation";
import { SlmError } from "@slm/core";
import type { EncoderDecoderConfig } from "@slm/model";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Program } from "@slm/tensor";
import {
  cacheNames,
  cacheSpec,
  contextSpecs,
  encodeProgram,
  stepProgram,
  type OnPolicyDecoderShape,
} from "./on-policy-programs.js";
import { PromptDecoder } from "./prompt-decoder.js";
import { filled, sourceFeeds } from "../feeds/source-feeds.js";
import type { LiveModel } from "../contract/training-contract.js";

/** Decodes batches with a model's current weights; programs are compiled once. */
export interface OnPolicyDecoder {
  readonly shape: OnPolicyDecoderShape;
  /**
   * Returns a decoder that has read these sources and expects BOS next. The previous decoder becomes invalid.
   *
   * @param weights the current weights, if they are not in the tensors that the decoder was created with.
   * @param images pixel samples of each source's image, for a vision-language model.
   */
  start(
    sources: readonly Int32Array[],
    weights?: LiveModel["feeds"],
    images?: readonly Uint8Array[],
  ): Promise<StepDecoder>;
  close(): Promise<void>;
}

/** Compiles the programs of a model for one shape. */
export async function createOnPolicyDecoder(
  live: LiveModel,
  shape: OnPolicyDecoderShape,
): Promise<OnPolicyDecoder> {
  const { engine, config, chunks } = live;
  if (config.architecture === "decoder-only") return new PromptDecoder({ ...live, config }, shape);
  const encoder = await engine.compile(encodeProgram(config, shape, chunks));
  const step = await engine.compile(stepProgram(config, shape, chunks));
  const caches: Record<string, DeviceTensor> = {};
  const spec = cacheSpec(config, shape);
  for (const name of cacheNames(config))
    caches[name] = await engine.upload(createHostTensor(spec.dtype, spec.shape));
  return new CachedDecoder({ ...live, config }, shape, { encoder, step }, caches);
}

interface LiveEncoderDecoder extends LiveModel {
  readonly config: EncoderDecoderConfig;
}

class CachedDecoder implements OnPolicyDecoder {
  readonly shape: OnPolicyDecoderShape;
  private readonly live: LiveEncoderDecoder;
  private readonly programs: { readonly encoder: Program; readonly step: Program };
  private readonly caches: Readonly<Record<string, DeviceTensor>>;
  private context: Readonly<Record<string, DeviceTensor>> = {};
  private weights: LiveModel["feeds"];

  constructor(
    live: LiveEncoderDecoder,
    shape: OnPolicyDecoderShape,
    programs: CachedDecoder["programs"],
    caches: Readonly<Record<string, DeviceTensor>>,
  ) {
    this.live = live;
    this.weights = live.feeds;
    this.shape = shape;
    this.programs = programs;
    this.caches = caches;
  }

  async start(
    sources: readonly Int32Array[],
    weights = this.live.feeds,
    images?: readonly Uint8Array[],
  ): Promise<StepDecoder> {
    const { rows } = this.shape;
    const { config, engine } = this.live;
    this.weights = weights;
    if (sources.length === 0 || sources.length > rows) {
      throw new SlmError(
        "UNEXPECTED",
        `on-policy decoder: expected 1 to ${rows} sources, got ${sources.length}`,
      );
    }
    await engine.release(Object.values(this.context));
    const outputs = Object.keys(contextSpecs(config, this.shape));
    const read = sourceFeeds(config, this.shape, filled(sources, rows), images && filled(images, rows));
    const { kept } = await this.programs.encoder.run({ feeds: { ...weights, ...read }, keep: outputs });
    this.context = kept;
    return new OnPolicyStep(this, new Int32Array(rows));
  }

  /** Runs one position per row; writes row r at cache slot positions[r]. */
  async runStep<Output extends string>(
    tokens: Int32Array,
    positions: Int32Array,
    fetch: readonly Output[],
  ): Promise<Readonly<Record<Output, HostTensor>>> {
    const { rows } = this.shape;
    const feeds: Record<string, HostTensor | DeviceTensor> = {
      ...this.weights,
      ...this.context,
      ids: createHostTensor("int32", [rows, 1], tokens),
      position: createHostTensor("int32", [rows], positions),
    };
    const outputs: Record<string, DeviceTensor> = {};
    for (const [name, cache] of Object.entries(this.caches)) {
      feeds[`past.${name}`] = cache;
      outputs[`present.${name}`] = cache;
    }
    const { fetched } = await this.programs.step.run({
      feeds,
      fetch,
      append: { at: [...positions], outputs },
    });
    return fetched;
  }

  get vocabularySize(): number {
    return this.live.config.vocabularySize;
  }

  async permute(rows: readonly number[]): Promise<void> {
    const { engine } = this.live;
    for (const tensor of [...Object.values(this.caches), ...Object.values(this.context)])
      await engine.permuteRows(tensor, rows);
  }

  async close(): Promise<void> {
    const { engine } = this.live;
    await engine.release([...Object.values(this.caches), ...Object.values(this.context)]);
    await this.programs.encoder.release();
    await this.programs.step.release();
  }
}

class OnPolicyStep implements StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  private readonly owner: CachedDecoder;
  private positions: Int32Array;

  constructor(owner: CachedDecoder, positions: Int32Array) {
    this.owner = owner;
    this.rows = positions.length;
    this.vocabularySize = owner.vocabularySize;
    this.positions = positions;
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const { logits } = await this.run(tokens, ["logits"]);
    return logits.data as Float32Array;
  }

  async topStep(tokens: Int32Array): Promise<TopTokens> {
    const { top, topLogProbability } = await this.run(tokens, ["top", "topLogProbability"]);
    return { ids: top.data as Int32Array, logProbabilities: topLogProbability.data as Float32Array };
  }

  private async run<Output extends string>(
    tokens: Int32Array,
    fetch: readonly Output[],
  ): Promise<Readonly<Record<Output, HostTensor>>> {
    const { capacity } = this.owner.shape;
    if (this.positions.some((position) => position >= capacity)) {
      throw new SlmError("UNEXPECTED", `on-policy decoder: more than ${capacity} positions`);
    }
    const fetched = await this.owner.runStep(tokens, this.positions, fetch);
    this.positions = this.positions.map((position) => position + 1);
    return fetched;
  }

  async permuteRows(rows: readonly number[]): Promise<void> {
    const before = this.positions;
    this.positions = Int32Array.from(rows, (row) => before[row]!);
    await this.owner.permute(rows);
  }
}
