/**
 * Feeds of an exported model's graphs from pairs of token ids. The decoder is fed the reference target (teacher forcing). Its output
 * head reads only the last position of a run, so targets are cut at varying positions: together the pairs cover all positions.
 *
 * Rows of a run have equal lengths, so that padding does not affect statistics.
 */
import { GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, type Session } from "@slm/runtime";
import type { Feeds } from "./feeds.js";
import { requireImages, seeImages, type RowImage } from "./image-feeds.js";

/** A row of data as token ids; the target without special tokens. */
export interface TokenPair extends RowImage {
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Pairs of one source length and one target length (BOS included, after the cut). */
export interface PairBatch {
  readonly sources: readonly (readonly number[])[];
  /** Decoder inputs: BOS, then the target up to the cut. */
  readonly targets: readonly (readonly number[])[];
  /** Images of the rows, for a vision-language model. */
  readonly patches: readonly Float32Array[];
}

/** A run with its images as tokens `[rows, tokens, width]`; none for a model that reads text only. */
export interface SeenBatch extends PairBatch {
  readonly images: HostTensor | undefined;
}

/** Rows run together at most. */
const BATCH = 32;

interface OpenBatch extends PairBatch {
  readonly sources: (readonly number[])[];
  readonly targets: number[][];
  readonly patches: Float32Array[];
}

/**
 * Groups pairs into runs. Longer sources and targets than the model takes are left out.
 *
 * @throws SlmError DATA_INVALID if no pair is left, or a pair has no image where the model needs one, or one it cannot see
 */
export function planPairBatches(pairs: readonly TokenPair[], model: DeviceModel): readonly PairBatch[] {
  const { maxTarget, tokens, vision } = model;
  const maxSource = model.maxSource - (vision?.tokens ?? 0);
  requireImages(pairs, model);
  const isDecoderOnly = model.architecture === "decoder-only";
  const groups = new Map<string, OpenBatch>();
  const batches: OpenBatch[] = [];
  pairs.forEach(({ source, target, patches }, row) => {
    const cut = target.slice(0, row % (target.length + 1));
    const inputs = [...(isDecoderOnly ? source : []), tokens.bos, ...cut];
    if (source.length === 0 || source.length > maxSource || inputs.length > maxTarget) return;
    const key = `${source.length} ${inputs.length}`;
    let group = groups.get(key);
    if (group === undefined || group.sources.length === BATCH) {
      group = { sources: [], targets: [], patches: [] };
      groups.set(key, group);
      batches.push(group);
    }
    group.sources.push(source);
    group.targets.push(inputs);
    if (patches !== undefined) group.patches.push(patches);
  });
  if (batches.length > 0) return batches;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: calibration: none of ${pairs.length} rows fits ${maxSource} source and ${maxTarget} target tokens`,
  );
}

const idsOf = (rows: readonly (readonly number[])[]): HostTensor =>
  createHostTensor("int32", [rows.length, rows[0]!.length], Int32Array.from(rows.flat()));

/** Runs with their images as a vision graph sees them. */
export async function seeBatches(
  batches: readonly PairBatch[],
  model: DeviceModel,
  vision: Session | undefined,
): Promise<readonly SeenBatch[]> {
  const seen: SeenBatch[] = [];
  for (const batch of batches) seen.push({ ...batch, images: await seeImages(batch.patches, model, vision) });
  return seen;
}

/** What the encoder graph is fed. */
export function encoderFeeds({ sources, images }: SeenBatch): Feeds {
  const before = images?.shape[1] ?? 0;
  return {
    [GRAPH_IO.sourceIds]: idsOf(sources),
    [GRAPH_IO.sourceLengths]: createHostTensor(
      "int32",
      [sources.length],
      Int32Array.from(sources, ({ length }) => before + length),
    ),
    ...(images === undefined ? {} : { [GRAPH_IO.imageTokens]: images }),
  };
}

/** What the decoder graph is fed: an empty cache, the targets, and the encoder's outputs. */
function decoderFeeds({ targets }: PairBatch, model: DeviceModel, encoded: Feeds): Feeds {
  const { kvHeads, headDim, decoderLayers } = model;
  const cache = createHostTensor("float32", [targets.length, kvHeads, targets[0]!.length, headDim]);
  const past = Array.from({ length: decoderLayers }, (_, layer) => [
    [GRAPH_IO.pastKey(layer), cache],
    [GRAPH_IO.pastValue(layer), cache],
  ]).flat() as [string, HostTensor][];
  return {
    [GRAPH_IO.targetIds]: idsOf(targets),
    [GRAPH_IO.pastLength]: createHostTensor("int32", [1], Int32Array.of(0)),
    ...Object.fromEntries(past),
    ...encoded,
  };
}

/** Names of the encoder's outputs. */
function encoderOutputs({ decoderLayers }: DeviceModel): readonly string[] {
  const perLayer = Array.from({ length: decoderLayers }, (_, layer) => [
    GRAPH_IO.crossKey(layer),
    GRAPH_IO.crossValue(layer),
  ]);
  return [GRAPH_IO.sourceBias, ...perLayer.flat()];
}

/** Feeds of the decoder for every batch, the encoder run in between; a decoder-only model has no encoder. */
export async function* feedDecoder(
  batches: readonly SeenBatch[],
  model: DeviceModel,
  encoder: Session | undefined,
): AsyncGenerator<Feeds> {
  const fetch = encoderOutputs(model);
  for (const batch of batches) {
    const encoded =
      encoder === undefined ? {} : (await encoder.run({ feeds: encoderFeeds(batch), fetch })).fetched;
    yield decoderFeeds(batch, model, encoded);
  }
}
