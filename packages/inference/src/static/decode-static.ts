/** Decodes sources with static graphs, one after the other, as on an NPU. */
import { GRAPH_IO } from "@slm/exported-model";
import { decode } from "@slm/decoding";
import { type DeviceTensor, type HostTensor, createHostTensor } from "@slm/runtime";
import type { EncodedSource } from "../batches.js";
import type { BatchOptions } from "../decoding.js";
import type { LoadedModel } from "../loaded-model.js";
import { roomForTokens, rowsPerSource } from "../model-limits.js";
import { type DecodedIds, timed } from "../timed.js";
import type { Bucket, StaticBuckets } from "./buckets.js";
import { StaticDecoder, biasOf } from "./static-decoder.js";

/** A model with static graphs. */
export type StaticModel = LoadedModel & { readonly buckets: StaticBuckets };

/** One result per source. Times are measured from the start of each source. @throws SlmError as decodeBatch */
export async function decodeStatic(
  loaded: StaticModel,
  batch: readonly EncodedSource[],
  options: BatchOptions,
): Promise<readonly DecodedIds[]> {
  const results: DecodedIds[] = [];
  for (const [row, source] of batch.entries())
    results.push(await decodeSource(loaded, source, { row, options }));
  return results;
}

async function decodeSource(
  { runtime, model, buckets, images }: StaticModel,
  { ids, image }: EncodedSource,
  { row, options }: { readonly row: number; readonly options: BatchOptions },
): Promise<DecodedIds> {
  const { strategy, random, onToken, stopsAfter, maxTimeMs } = options;
  const maxTokens = roomForTokens(model, 0, options.maxTokens);
  const tokens = (model.vision?.tokens ?? 0) + ids.length;
  const bucket = await buckets.fitting(tokens);
  const started = performance.now();
  const seen = image === undefined ? undefined : await images?.tokensOf(image);
  const imageMs = performance.now() - started;
  const { window, maskedBias } = buckets;
  const { bos, eos, pad } = model.tokens;
  const bias = biasOf(bucket.source, maskedBias, (slot) => slot < tokens);
  const encoded = await encode(bucket, ids, { bias, pad, image: seen });
  try {
    const steps = new StaticDecoder({
      decoder: bucket.decoder,
      model,
      window,
      maskedBias,
      source: { [GRAPH_IO.sourceBias]: bias, ...encoded },
      rows: rowsPerSource(strategy),
    });
    // The batch has one source, so per-row options are looked up by its index in the caller's list.
    const [decoded] = await decode(steps, {
      ...options,
      bos,
      eos,
      pad,
      maxTokens,
      random: random && (() => random(row)),
      onToken: (_, token) => onToken?.(row, token),
      stopsAfter: stopsAfter && ((_, tokens) => stopsAfter(row, tokens)),
      deadlineMs: maxTimeMs === undefined ? undefined : started + maxTimeMs,
    });
    const times = timed(decoded!, strategy, { started, stepTimes: steps.stepTimes });
    return { ...times, imageMs: seen === undefined ? undefined : imageMs };
  } finally {
    await runtime.release(Object.values(encoded));
  }
}

interface EncoderInputs {
  readonly bias: HostTensor;
  readonly pad: number;
  /** Tokens of the image `[1, tokens, width]`, which come before the text. */
  readonly image: HostTensor | undefined;
}

/** The encoder's outputs for one padded source; they stay on the device. */
async function encode(
  { encoder, source }: Bucket,
  ids: readonly number[],
  { bias, pad, image }: EncoderInputs,
): Promise<Readonly<Record<string, DeviceTensor>>> {
  const text = source - (image?.shape[1] ?? 0);
  const padded = new Int32Array(text).fill(pad);
  padded.set(ids);
  const feeds = {
    [GRAPH_IO.sourceIds]: createHostTensor("int32", [1, text], padded),
    [GRAPH_IO.sourceBias]: bias,
    ...(image === undefined ? {} : { [GRAPH_IO.imageTokens]: image }),
  };
  return (await encoder.run({ feeds, keep: encoder.outputNames })).kept;
}
