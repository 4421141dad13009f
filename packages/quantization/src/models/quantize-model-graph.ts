/** Calibrates and quantizes one graph of a model with a scheme. */
import { isFewBits, tableFormat, type WeightFormat, type WeightOptions } from "@slm/devices";
import type { Graph, Initializer } from "@slm/onnx";
import type { CollectOptions } from "../calibration/collector.js";
import { weightGrams } from "../calibration/weight-grams.js";
import { SlmError } from "@slm/core";
import {
  quantizeGraph,
  type QuantizeGraphOptions,
  type QuantizedNode,
  type SkippedWeight,
} from "../rewrite/quantize-graph.js";
import type { FormatOptions } from "../rewrite/weight-format.js";
import { pathTo, scopesOf } from "../rewrite/scopes.js";
import { findWeightUses } from "../rewrite/weight-uses.js";
import type { StaticScheme } from "./schemes.js";
import { INTEGER_TYPES } from "../static/integer-types.js";
import { quantizeStatic, type StaticOptions } from "../static/quantize-static.js";
import { withOwnHeads } from "../static/own-heads.js";
import { sensitiveWeights } from "../static/output-error.js";
import { roundWeights, tableNames } from "../static/rounded-weights.js";
import type { Coverage } from "../static/operator-rules.js";
import { blockMethods } from "../weights/block-method.js";
import { chooseMethod } from "../rewrite/choose-method.js";
import { notFiniteWeights } from "../weights/non-finite.js";

/** How to quantize one graph: a weight format or a static scheme. */
export interface GraphRequest extends FormatOptions {
  readonly scheme: { readonly kind: "weights"; readonly format: WeightFormat } | StaticScheme;
  /** Operators that static schemes quantize. */
  readonly coverage: Coverage;
  readonly weights?: WeightOptions | undefined;
  /** Weights (static schemes: nodes) that stay float32, by name. */
  readonly exclude?: ReadonlySet<string> | undefined;
  readonly calibration?: CollectOptions | undefined;
  readonly onWeight?: QuantizeGraphOptions["onWeight"] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface GraphOutcome {
  readonly graph: Graph;
  readonly nodes: readonly QuantizedNode[];
  readonly skipped: readonly SkippedWeight[];
}

/** @throws SlmError CONFIG_INVALID if calibration data are missing */
function requireCalibration(calibration: CollectOptions | undefined, what: string): CollectOptions {
  if (calibration !== undefined) return calibration;
  throw new SlmError("CONFIG_INVALID", `quantize: ${what} needs calibration rows, got none`, {
    suggestions: ["--calibration ROWS.jsonl"],
  });
}

/** Formats of the weights that do not have the scheme's: tables, and weights that stay float32. */
function formatsOf(
  graph: Graph,
  format: WeightFormat,
  { weights, exclude = new Set() }: GraphRequest,
): ReadonlyMap<string, WeightFormat> {
  const embedding = weights?.embedding ?? tableFormat(format);
  const tables = findWeightUses(graph).uses.filter(({ kind }) => kind === "embedding");
  const formats = new Map<string, WeightFormat>(tables.map(({ weight }) => [weight, embedding]));
  for (const weight of exclude) formats.set(weight, "float32");
  return formats;
}

/**
 * Quantizes a float32 graph. The input graph is not changed.
 *
 * @throws SlmError as `quantizeGraph` and `quantizeStatic` do; CONFIG_INVALID if calibration data are missing
 */
export async function quantizeModelGraph(graph: Graph, request: GraphRequest): Promise<GraphOutcome> {
  const { scheme, calibration, signal } = request;
  if (scheme.kind === "static") return byStatic(graph, scheme, request);
  const { format } = scheme;
  const formats = formatsOf(graph, format, request);
  const usesBlocks = [format, ...formats.values()].some(isFewBits);
  const method = chooseMethod(graph, request.weights?.method, calibration !== undefined);
  const needsGrams = usesBlocks && blockMethods[method].needsCalibration;
  const grams = needsGrams
    ? await weightGrams(graph, requireCalibration(calibration, `method ${method}`))
    : undefined;
  const { onWeight, reduceRange, run } = request;
  return quantizeGraph(graph, {
    format,
    formats,
    reduceRange,
    weights: { ...request.weights, method },
    run,
    grams,
    onWeight,
    signal,
  });
}

/** The weight options of a static scheme that onnxruntime's tool does not have. Only 4-bit schemes use them. */
type WeightCare = Required<Pick<StaticOptions, "types" | "rounded">>;

/** Optimized grids for 4-bit weights, and 8 bits for tables and for the weights that lose most with 4 bits. */
async function careFor(
  graph: Graph,
  { weights }: StaticScheme,
  request: Pick<GraphRequest, "coverage" | "exclude" | "weights" | "run">,
  calibration: CollectOptions,
): Promise<WeightCare> {
  if (INTEGER_TYPES[weights].bits !== 4) return { types: new Map(), rounded: new Map() };
  const { coverage, exclude, run } = request;
  const method = chooseMethod(graph, request.weights?.method, true);
  const grams = blockMethods[method].needsCalibration ? await weightGrams(graph, calibration) : undefined;
  const rounded = await roundWeights(graph, { coverage, exclude }, { method, grams, run });
  const sensitive = grams === undefined ? new Set<string>() : sensitiveWeights(graph, rounded, grams);
  return {
    types: new Map([...tableNames(graph), ...sensitive].map((name) => [name, "int8"])),
    rounded: new Map([...rounded].filter(([name]) => !sensitive.has(name))),
  };
}

async function byStatic(original: Graph, scheme: StaticScheme, request: GraphRequest): Promise<GraphOutcome> {
  const { coverage, exclude, signal } = request;
  const graph = coverage === "all" ? withOwnHeads(original) : original;
  // 16-bit activations are multiplied in float32, which cannot saturate.
  const reduceRange = request.reduceRange && INTEGER_TYPES[scheme.activations].bits === 8;
  const calibration = requireCalibration(request.calibration, "a static scheme");
  const result = await quantizeStatic(graph, {
    ...(await careFor(graph, scheme, request, calibration)),
    coverage,
    reduceRange,
    ...calibration,
    activations: scheme.activations,
    weights: scheme.weights,
    exclude,
    signal,
  });
  const nodes = result.weights.map(({ name, node, type, relativeError }) => ({
    name: node,
    weight: name,
    scheme: `${scheme.activations}/${type}`,
    relativeError,
  }));
  return { graph: result.graph, nodes, skipped: keptByStatic(graph) };
}

/** Weights that static schemes do not quantize: those with numbers that are not finite, and those in bodies of control flow. */
function keptByStatic(graph: Graph): readonly SkippedWeight[] {
  const notFinite = notFiniteWeights(graph.initializers.values());
  const isMatrix = ({ dtype, shape }: Initializer): boolean => dtype === "float32" && shape.length > 1;
  const inBodies = scopesOf(graph).flatMap((scope) => {
    const own = scope.path === "" ? [] : [...scope.body.initializers.values()].filter(isMatrix);
    return own.map(({ name }) => ({
      name: pathTo(scope, name),
      reason: "it is in a body of If, Loop or Scan, which static schemes leave in float32",
    }));
  });
  return [...[...notFinite].map(([name, reason]) => ({ name, reason })), ...inBodies];
}
