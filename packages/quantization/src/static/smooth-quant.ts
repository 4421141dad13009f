/**
 * SmoothQuant: migrates outliers of activations into the weights that follow a norm, by a factor per channel that costs nothing at run time.
 *
 *   norm(x) * g -> W(k, n)   becomes   norm(x) * (g / s) -> s(k) W(k, n)
 *   s(k) = max |X(k)|^alpha / max over n of |W(k, n)|^(1 - alpha)
 *
 * Source: Xiao et al. 2023 (arXiv:2211.10438), equation 4; limits as in the authors' smooth.py.
 */
import { SlmError } from "@slm/core";
import { valuesRead, type Graph, type Initializer } from "@slm/onnx";
import { findWeightUses, type LinearUse } from "../rewrite/weight-uses.js";
import { float32sOf } from "../weights/float-bytes.js";
import { stridesOf } from "../weights/weight-matrix.js";

/** What scales channels by a factor each, and the MatMuls that are the only readers of its output. */
export interface SmoothGroup {
  /** What it makes. */
  readonly value: string;
  readonly width: number;
  /** Its scale (and bias), which nothing else reads. */
  readonly parameters: readonly string[];
  readonly uses: readonly LinearUse[];
}

/** Inputs that scale and shift channels, by operator. A normalization that is written out ends in a Mul by its gain. */
const CHANNEL_INPUTS: Readonly<Record<string, readonly number[]>> = {
  LayerNormalization: [1, 2],
  RMSNormalization: [1],
  SimplifiedLayerNormalization: [1],
  Mul: [0, 1],
};

/** Least factor, and least weight that counts. */
const LEAST = 1e-5;

/** Finds the places of a graph that can be smoothed. */
export function findSmoothGroups(graph: Graph): readonly SmoothGroup[] {
  const readers = new Map<string, number>();
  for (const node of graph.nodes) {
    for (const name of valuesRead(node)) readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const linear = findWeightUses(graph).uses.filter((use): use is LinearUse => use.kind === "linear");
  const isVector = (name: string): boolean => graph.initializers.get(name)?.shape.length === 1;
  const widthOf = (name: string): number => graph.initializers.get(name)!.shape[0]!;
  return graph.nodes.flatMap((node) => {
    const [value = ""] = node.outputs;
    const places = Object.hasOwn(CHANNEL_INPUTS, node.opType) ? CHANNEL_INPUTS[node.opType]! : [];
    const parameters = places.map((place) => node.inputs[place] ?? "").filter(isVector);
    const uses = linear.filter(({ input }) => input === value);
    if (parameters.length === 0 || uses.length === 0) return [];
    const width = widthOf(parameters[0]!);
    const own = [...parameters, ...uses.map(({ weight }) => weight)];
    const isAlone =
      readers.get(value) === uses.length &&
      !outputs.has(value) &&
      own.every((name) => readers.get(name) === 1 && graph.initializers.get(name)?.dtype === "float32");
    // A factor for all channels has the shape [1].
    const fits =
      parameters.every((name) => widthOf(name) === width) &&
      uses.every((use) => inputsOf(graph, use) === width);
    return isAlone && fits ? [{ value, width, parameters, uses }] : [];
  });
}

/** Channels that a weight reads. */
function inputsOf({ initializers }: Graph, { weight, layout }: LinearUse): number {
  const [rows, columns] = initializers.get(weight)!.shape as readonly [number, number];
  return layout === "inputs-first" ? rows : columns;
}

function factors(
  graph: Graph,
  { uses, width }: SmoothGroup,
  peaks: Float64Array,
  alpha: number,
): Float64Array {
  const largest = new Float64Array(width);
  for (const { weight, layout } of uses) {
    const values = float32sOf(graph.initializers.get(weight)!);
    const strides = stridesOf(layout, width, values.length / width);
    for (let input = 0; input < width; input += 1) {
      for (let output = 0; output < values.length / width; output += 1) {
        const size = Math.abs(values[input * strides.input + output * strides.output]!);
        if (size > largest[input]!) largest[input] = size;
      }
    }
  }
  return peaks.map((peak, input) =>
    Math.max(LEAST, peak ** alpha / Math.max(LEAST, largest[input]!) ** (1 - alpha)),
  );
}

const changed = (initializer: Initializer, values: Float32Array): Initializer => ({
  ...initializer,
  data: new Uint8Array(values.buffer),
});

/**
 * SmoothQuant migration: scales outlier channels of activations down and their weights up. What the graph computes stays the same, up to rounding.
 *
 * @param peaks largest magnitude of each channel, by value, for the groups to be smoothed
 * @param alpha migration strength: 0 evens out the weights, 1 the activations
 * @throws SlmError CONFIG_INVALID for an alpha outside 0..1
 */
export function smoothGraph(
  graph: Graph,
  groups: readonly SmoothGroup[],
  peaks: ReadonlyMap<string, Float64Array>,
  alpha: number,
): Graph {
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new SlmError("CONFIG_INVALID", `quantize: smoothing must be between 0 and 1, got ${alpha}`);
  }
  const initializers = new Map(graph.initializers);
  for (const group of groups) {
    const scale = factors(graph, group, peaks.get(group.value)!, alpha);
    for (const name of group.parameters) {
      const initializer = graph.initializers.get(name)!;
      initializers.set(
        name,
        changed(
          initializer,
          float32sOf(initializer).map((value, at) => value / scale[at]!),
        ),
      );
    }
    for (const { weight, layout } of group.uses) {
      const initializer = graph.initializers.get(weight)!;
      const values = float32sOf(initializer);
      const outputs = values.length / group.width;
      const inputOf = (at: number): number =>
        layout === "inputs-first" ? Math.floor(at / outputs) : at % group.width;
      initializers.set(
        weight,
        changed(
          initializer,
          values.map((value, at) => value * scale[inputOf(at)]!),
        ),
      );
    }
  }
  return { ...graph, initializers };
}
