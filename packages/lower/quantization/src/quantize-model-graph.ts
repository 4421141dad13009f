/** One graph of a model by a scheme: smoothing, calibration and quantization in the order they must have. */
import type { Graph } from "@slm/graph";
import type { CalibrationOptions } from "./calibration/calibrate.js";
import { collectPeaks } from "./calibration/collect.js";
import type { FeedSource } from "./calibration/feeds.js";
import { weightGrams } from "./calibration/weight-grams.js";
import { SlmError } from "@slm/error";
import type { Runtime } from "@slm/runtime";
import {
  quantizeGraph,
  type QuantizeGraphOptions,
  type QuantizedNode,
  type SkippedWeight,
} from "./rewrite/quantize-graph.js";
import type { FormatOptions, WeightFormat } from "./rewrite/weight-format.js";
import { findWeightUses } from "./rewrite/weight-uses.js";
import type { StaticScheme } from "./schemes.js";
import { quantizeStatic } from "./static/quantize-static.js";
import { findSmoothGroups, smoothGraph } from "./static/smooth-quant.js";
import type { Coverage } from "./static/operator-rules.js";
import { blockMethods } from "./weights/block-method.js";
import type { Gram } from "./weights/quantize-blocks.js";

/** What calibrates one graph. */
export interface GraphCalibration extends Partial<CalibrationOptions> {
  readonly runtime: Runtime;
  readonly feeds: FeedSource;
  /** Moves peaks of activations into weights, 0..1. Default: off. */
  readonly smooth?: number;
}

/** What is asked of one graph; either a format of its weights, or a static scheme. */
export interface GraphRequest extends FormatOptions {
  readonly scheme: { readonly kind: "weights"; readonly format: WeightFormat } | StaticScheme;
  /** Operators that static schemes quantize. */
  readonly coverage: Coverage;
  /** Format of tables that an embedding reads. Default: the scheme's. */
  readonly embedding?: WeightFormat;
  /** Format by weight, before all else. */
  readonly formats?: ReadonlyMap<string, WeightFormat>;
  /** static: nodes that stay float32, by name. */
  readonly exclude?: ReadonlySet<string>;
  readonly calibration?: GraphCalibration;
  /** What each weight meets, where it is known already. */
  readonly grams?: ReadonlyMap<string, Gram>;
  readonly onWeight?: QuantizeGraphOptions["onWeight"];
  readonly signal?: AbortSignal;
}

export interface GraphOutcome {
  readonly graph: Graph;
  readonly nodes: readonly QuantizedNode[];
  readonly skipped: readonly SkippedWeight[];
}

/** @throws SlmError CONFIG_INVALID where calibration data are needed and there are none */
export function requireCalibration(
  calibration: GraphCalibration | undefined,
  what: string,
): GraphCalibration {
  if (calibration !== undefined) return calibration;
  throw new SlmError("CONFIG_INVALID", `quantize: ${what} needs calibration rows, got none`, {
    suggestions: ["--calibration rows.jsonl"],
  });
}

async function smoothed(graph: Graph, { calibration }: GraphRequest): Promise<Graph> {
  if (calibration?.smooth === undefined) return graph;
  const groups = findSmoothGroups(graph);
  const widths = new Map(groups.map(({ value, width }) => [value, width]));
  const peaks = await collectPeaks(graph, widths, calibration);
  return smoothGraph(graph, groups, peaks, calibration.smooth);
}

/** Formats by weight: what was asked for by name, then the embedding's. */
function formatsOf(graph: Graph, { embedding, formats }: GraphRequest): ReadonlyMap<string, WeightFormat> {
  const tables = findWeightUses(graph).uses.filter(({ kind }) => kind === "embedding");
  const ofTables = embedding === undefined ? [] : tables.map(({ weight }) => [weight, embedding] as const);
  return new Map([...ofTables, ...(formats ?? [])]);
}

/**
 * Quantizes a float32 graph. The graph given is not changed.
 *
 * @throws SlmError as `quantizeGraph` and `quantizeStatic` do; CONFIG_INVALID where calibration data are missing
 */
export async function quantizeModelGraph(original: Graph, request: GraphRequest): Promise<GraphOutcome> {
  const { scheme, calibration, signal } = request;
  const graph = await smoothed(original, request);
  if (scheme.kind === "static") return byStatic(graph, scheme, request);
  const { format } = scheme;
  const formats = formatsOf(graph, request);
  const usesBlocks = [format, ...formats.values()].includes("int4-block");
  const needsGrams = usesBlocks && blockMethods[request.method ?? "search"].needsCalibration;
  const grams =
    request.grams ??
    (needsGrams
      ? await weightGrams(graph, requireCalibration(calibration, `method ${request.method ?? ""}`))
      : undefined);
  const { onWeight, blockSize, reduceRange, symmetric, method, run } = request;
  return quantizeGraph(graph, {
    ...{ format, formats, blockSize, reduceRange },
    ...(symmetric === undefined ? {} : { symmetric }),
    ...(method === undefined ? {} : { method }),
    ...(run === undefined ? {} : { run }),
    ...(grams === undefined ? {} : { grams }),
    ...(onWeight === undefined ? {} : { onWeight }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function byStatic(graph: Graph, scheme: StaticScheme, request: GraphRequest): Promise<GraphOutcome> {
  const { coverage, reduceRange, exclude, signal } = request;
  const {
    runtime,
    feeds,
    method = "minmax",
    ...more
  } = requireCalibration(request.calibration, "a static scheme");
  const result = await quantizeStatic(graph, {
    ...{ coverage, reduceRange, runtime, feeds },
    activations: scheme.activations,
    weights: scheme.weights,
    calibration: { ...more, method },
    ...(exclude === undefined ? {} : { exclude }),
    ...(signal === undefined ? {} : { signal }),
  });
  const nodes = result.weights.map(({ name, node, relativeError }) => ({
    name: node,
    weight: name,
    scheme: `${scheme.activations}/${scheme.weights}`,
    relativeError,
  }));
  return { graph: result.graph, nodes, skipped: [] };
}
