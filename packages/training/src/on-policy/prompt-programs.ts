/**
 * Programs that decode with a decoder-only model's current weights: reading sources in one pass, a step of one token per row, and moving rows to
 * smaller caches. Positions that all sources share are read and stored once.
 */
import { decodeAfter, outputHead, type DecoderOnlyConfig, type LayerPast } from "@slm/model";
import { math, type ProgramDefinition, type Tensor, type TensorSpec } from "@slm/tensor";
import { planChunks, unpackParameters, valueSpecs, type Chunk } from "../parameters/parameter-layout.js";

/** Sizes of the caches of some rows. */
export interface RowCaches {
  readonly rows: number;
  /** Positions of each row, after the shared ones. */
  readonly capacity: number;
}

const PARTS = ["key", "value"] as const;

/** Names of all layers' keys and values. */
export const cacheNames = ({ decoderLayers }: Pick<DecoderOnlyConfig, "decoderLayers">): readonly string[] =>
  Array.from({ length: decoderLayers }, (_, layer) => PARTS.map((part) => `${layer}.${part}`)).flat();

/** One layer's cached keys, or values. */
export const rowCacheSpec = (
  { kvHeads, headDim }: Pick<DecoderOnlyConfig, "kvHeads" | "headDim">,
  { rows, capacity }: RowCaches,
): TensorSpec => ({ dtype: "float32", shape: [rows, kvHeads, capacity, headDim] });

function cacheSpecs(
  config: DecoderOnlyConfig,
  prefix: string,
  caches: RowCaches,
): Record<string, TensorSpec> {
  return Object.fromEntries(
    cacheNames(config).map((name) => [`${prefix}.${name}`, rowCacheSpec(config, caches)]),
  );
}

/** Inputs for the shared positions, if there are any. */
const sharedSpecs = (config: DecoderOnlyConfig, shared: number): Record<string, TensorSpec> =>
  shared === 0 ? {} : cacheSpecs(config, "shared", { rows: 1, capacity: shared });

type Inputs = Readonly<Record<string, Tensor>>;

const layerCaches = (
  config: DecoderOnlyConfig,
  x: Inputs,
  prefix: string,
): readonly { readonly key: Tensor; readonly value: Tensor }[] =>
  Array.from({ length: config.decoderLayers }, (_, layer) => ({
    key: x[`${prefix}.${layer}.key`]!,
    value: x[`${prefix}.${layer}.value`]!,
  }));

/** Outputs `fresh.LAYER.PART`, the new positions of each cache. */
const freshOutputs = (
  caches: readonly { readonly key: Tensor; readonly value: Tensor }[],
): Record<string, Tensor> =>
  Object.fromEntries(
    caches.flatMap((cache, layer) => PARTS.map((part) => [`fresh.${layer}.${part}`, cache[part]] as const)),
  );

/** Reads `ids` `[rows, source]` after the shared positions. */
export function readProgram(
  config: DecoderOnlyConfig,
  { rows, source, shared }: { readonly rows: number; readonly source: number; readonly shared: number },
  chunks: readonly Chunk[] = planChunks(config),
): ProgramDefinition {
  return {
    name: `live prompt ${rows}x${shared}+${source}`,
    forwardOnly: true,
    inputs: {
      ...valueSpecs(chunks),
      ...sharedSpecs(config, shared),
      ids: { dtype: "int32", shape: [rows, source] },
    },
    build: (x) => {
      const prefixes = layerCaches(config, x, "shared");
      const layers = prefixes.map((prefix): LayerPast => ({ prefix: shared === 0 ? undefined : prefix }));
      return freshOutputs(decodeAfter(config, unpackParameters(chunks, x), x["ids"]!, layers).caches);
    },
  };
}

/**
 * One token per row: from `ids` `[rows, 1]` and `lengths` `[rows]` (the number of positions of each row) to `logits` `[rows, vocab]`, their
 * argmax `top` int32 `[rows]` and its log-probability `topLogProbability` `[rows]`.
 */
export function promptStepProgram(
  config: DecoderOnlyConfig,
  { shared, ...caches }: RowCaches & { readonly shared: number },
  chunks: readonly Chunk[] = planChunks(config),
): ProgramDefinition {
  const { rows, capacity } = caches;
  return {
    name: `live prompt step ${rows}x${shared}+${capacity}`,
    forwardOnly: true,
    inputs: {
      ...valueSpecs(chunks),
      ...sharedSpecs(config, shared),
      ...cacheSpecs(config, "past", caches),
      ids: { dtype: "int32", shape: [rows, 1] },
      lengths: { dtype: "int32", shape: [rows] },
    },
    build: (x) => {
      const parameters = unpackParameters(chunks, x);
      const prefixes = layerCaches(config, x, "shared");
      const layers = layerCaches(config, x, "past").map((past, layer): LayerPast => ({
        prefix: shared === 0 ? undefined : prefixes[layer]!,
        past: { ...past, lengths: x["lengths"]! },
      }));
      const { hidden, caches: fresh } = decodeAfter(config, parameters, x["ids"]!, layers);
      const logits = math.reshape(outputHead(config, parameters, hidden), [rows, config.vocabularySize]);
      return {
        logits,
        top: math.top1(logits),
        topLogProbability: math.top1LogProbability(logits),
        ...freshOutputs(fresh),
      };
    },
  };
}

/** Copies the rows `kept` int32 `[rows]` of larger caches `from.LAYER.PART` to `to.LAYER.PART`. */
export function keepRowsProgram(
  config: DecoderOnlyConfig,
  from: RowCaches,
  { rows }: Pick<RowCaches, "rows">,
): ProgramDefinition {
  return {
    name: `live prompt rows ${from.rows}x${from.capacity} to ${rows}`,
    forwardOnly: true,
    inputs: { ...cacheSpecs(config, "from", from), kept: { dtype: "int32", shape: [rows] } },
    build: (x) =>
      Object.fromEntries(
        cacheNames(config).map((name) => [`to.${name}`, math.gatherRows(x[`from.${name}`]!, x["kept"]!)]),
      ),
  };
}
