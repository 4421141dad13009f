/**
 * Decoding with weights that are still being trained. The encoder and a one-position decoder step are programs over the current
 * weights; caches stay on the device. Used for dev metrics, on-policy targets and teacher-generated targets.
 */
import type { StepDecoder } from "@slm/decoding";
import { SlmError } from "@slm/core";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import type { Program } from "@slm/tensor";
import {
  cacheSpec,
  contextSpecs,
  encodeProgram,
  layersOf,
  stepProgram,
  type OnPolicyDecoderShape,
} from "./on-policy-programs.js";
import { filled, sourceFeeds } from "./source-feeds.js";
import type { LiveModel } from "./training-contract.js";

/** Decodes batches with a model's current weights; programs are compiled once. */
export interface OnPolicyDecoder {
  readonly shape: OnPolicyDecoderShape;
  /**
   * Returns a decoder that has read these sources and expects BOS next. The previous decoder becomes invalid.
   *
   * @param weights the current weights, if they differ from the tensors that the decoder was created with.
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
  const encoder =
    config.architecture === "encoder-decoder"
      ? await engine.compile(encodeProgram(config, shape, chunks))
      : undefined;
  const step = await engine.compile(stepProgram(config, shape, chunks));
  const caches: Record<string, DeviceTensor> = {};
  const spec = cacheSpec(config, shape);
  for (const layer of layersOf(config)) {
    for (const part of ["key", "value"]) {
      caches[`${layer}.${part}`] = await engine.upload(createHostTensor(spec.dtype, spec.shape));
    }
  }
  return new CachedDecoder(live, shape, { encoder, step }, caches);
}

class CachedDecoder implements OnPolicyDecoder {
  readonly shape: OnPolicyDecoderShape;
  private readonly live: LiveModel;
  private readonly programs: { readonly encoder: Program | undefined; readonly step: Program };
  private readonly caches: Readonly<Record<string, DeviceTensor>>;
  private context: Readonly<Record<string, DeviceTensor>> = {};
  private weights: LiveModel["feeds"];

  constructor(
    live: LiveModel,
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
        `on-policy decoder: 1 to ${rows} sources expected, got ${sources.length}`,
      );
    }
    const { encoder } = this.programs;
    const state = new OnPolicyStep(this, new Int32Array(rows));
    if (encoder === undefined || config.architecture === "decoder-only") {
      await state.prefill(filled(sources, rows));
      return state;
    }
    await engine.release(Object.values(this.context));
    const outputs = Object.keys(contextSpecs(config, this.shape));
    const read = sourceFeeds(config, this.shape, filled(sources, rows), images && filled(images, rows));
    const { kept } = await encoder.run({ feeds: { ...weights, ...read }, keep: outputs });
    this.context = kept;
    return state;
  }

  /** Runs one position per row; row r is written at cache slot positions[r]. */
  async runStep(tokens: Int32Array, positions: Int32Array, wantLogits: boolean): Promise<Float32Array> {
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
      fetch: wantLogits ? ["logits"] : [],
      append: { at: [...positions], outputs },
    });
    return wantLogits ? (fetched["logits"]!.data as Float32Array) : new Float32Array(0);
  }

  get vocabularySize(): number {
    return this.live.config.vocabularySize;
  }

  get padToken(): number {
    return this.live.config.tokens.pad;
  }

  async permute(rows: readonly number[]): Promise<void> {
    const { engine } = this.live;
    for (const tensor of [...Object.values(this.caches), ...Object.values(this.context)])
      await engine.permuteRows(tensor, rows);
  }

  async close(): Promise<void> {
    const { engine } = this.live;
    await engine.release([...Object.values(this.caches), ...Object.values(this.context)]);
    await this.programs.encoder?.release();
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

  /**
   * Feeds sources of unequal length one position at a time. A finished row feeds padding into its next slot, which its next token
   * overwrites.
   */
  async prefill(sources: readonly Int32Array[]): Promise<void> {
    const longest = Math.max(...sources.map(({ length }) => length));
    for (let index = 0; index < longest; index++) {
      const tokens = Int32Array.from(sources, (source) => source[index] ?? this.owner.padToken);
      await this.owner.runStep(tokens, this.positions, false);
      this.positions = this.positions.map(
        (position, row) => position + (index < sources[row]!.length ? 1 : 0),
      );
    }
  }

  async step(tokens: Int32Array): Promise<Float32Array> {
    const { capacity } = this.owner.shape;
    if (this.positions.some((position) => position >= capacity)) {
      throw new SlmError("UNEXPECTED", `on-policy decoder: more than ${capacity} positions`);
    }
    const logits = await this.owner.runStep(tokens, this.positions, true);
    this.positions = this.positions.map((position) => position + 1);
    return logits;
  }

  async permuteRows(rows: readonly number[]): Promise<void> {
    const before = this.positions;
    this.positions = Int32Array.from(rows, (row) => before[row]!);
    await this.owner.permute(rows);
  }
}
