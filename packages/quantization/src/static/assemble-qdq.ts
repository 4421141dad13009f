/** Writes the quantized graph: QuantizeLinear and DequantizeLinear around the values of the plan.
 *
 *   activation:    x -> QuantizeLinear -> DequantizeLinear -> every reader of x
 *   graph output:  maker -> x_QuantizeLinear_Input -> QuantizeLinear -> DequantizeLinear -> x
 *   weight:        codes, scale, zero -> DequantizeLinear -> every reader
 *   bias:          int32 codes, scale of input times scale of weight, 0 -> DequantizeLinear -> its node
 *
 * Names are those of onnxruntime's tool: `x_scale`, `x_zero_point`, `w_quantized`, `x_QuantizeLinear_Output`.
 */
import { checkGraph, float, int, valuesRead, type Graph, type GraphNode } from "@slm/onnx";
import { GraphParts } from "../rewrite/graph-parts.js";
import { INTEGER_TYPES } from "./integer-types.js";
import type { TensorParameters } from "./parameters.js";
import type { RoundedWeight } from "./rounded-weights.js";
import type { PlannedBias, TensorPlan } from "./tensor-plan.js";
import { biasCodes, channelLayout, weightCodes, zeroPointBytes } from "./weight-codes.js";
import { float32sOf } from "../weights/float-bytes.js";

/** From this opset on, ONNX's own operators support 16 and 4 bits. */
const WIDE_TYPES_OPSET = 21;

interface StoredParameters {
  readonly scale: string;
  readonly zero: string;
}

type Rounded = ReadonlyMap<string, RoundedWeight>;

class Assembler {
  readonly #plan: TensorPlan;
  readonly #parameters: ReadonlyMap<string, TensorParameters>;
  readonly #rounded: Rounded;
  readonly #parts: GraphParts;
  readonly #stored = new Map<TensorParameters, StoredParameters>();
  readonly #outputs: ReadonlySet<string>;
  /** Replacements of values, for their readers. */
  readonly #readAs = new Map<string, string>();
  readonly #biasOf = new Map<PlannedBias, string>();
  /** Constants whose names are used by nodes. */
  readonly #remade = new Set<string>();

  constructor(plan: TensorPlan, parameters: ReadonlyMap<string, TensorParameters>, rounded: Rounded) {
    this.#plan = plan;
    this.#rounded = rounded;
    this.#parameters = parameters;
    this.#parts = new GraphParts(plan.graph);
    this.#outputs = new Set(plan.graph.outputs.map(({ name }) => name));
  }

  build(): Graph {
    const { graph, removed, renamed } = this.#plan;
    const constants = [...this.#plan.tensors.keys()]
      .filter((name) => graph.initializers.has(name))
      .map((name) => this.#weight(name));
    const inputs = graph.inputs.flatMap(({ name }) => this.#pair(name, name));
    const nodes: GraphNode[] = [...constants, ...inputs];
    graph.nodes.forEach((node, index) => {
      if (removed.has(index)) return;
      const outputs = node.outputs.map((name) => renamed.get(name) ?? name);
      const made = outputs.map((name) =>
        this.#isSplit(name) ? this.#fresh(`${name}_QuantizeLinear_Input`) : name,
      );
      const bias = this.#plan.biases.get(index);
      if (bias !== undefined) nodes.push(this.#bias(bias));
      nodes.push(this.#rewired({ ...node, outputs: made }, bias));
      outputs.forEach((name, at) => nodes.push(...this.#pair(name, made[at]!)));
    });
    return this.#finish(nodes);
  }

  /** For a quantized graph output, its producer writes another value, and DequantizeLinear writes the output. */
  #isSplit(name: string): boolean {
    return this.#plan.tensors.has(name) && this.#outputs.has(name);
  }

  #rewired(node: GraphNode, bias: PlannedBias | undefined): GraphNode {
    const dequantizedBias = bias === undefined ? undefined : this.#biasOf.get(bias);
    const inputs = node.inputs.map((name, at) =>
      at === 2 && dequantizedBias !== undefined ? dequantizedBias : (this.#readAs.get(name) ?? name),
    );
    // The scale of the bias includes the factor.
    const attributes =
      bias === undefined || bias.beta === 1 ? node.attributes : { ...node.attributes, beta: float(1) };
    return { ...node, inputs, attributes };
  }

  /** Stores a scale and zero point once for all values that share them. */
  #store(name: string, own: TensorParameters): StoredParameters {
    const known = this.#stored.get(own);
    if (known !== undefined) return known;
    const shape = own.axis === undefined ? [] : [own.parameters.length];
    const scales = Float32Array.from(own.parameters, ({ scale }) => scale);
    const zeros = zeroPointBytes(
      own.parameters.map(({ zero }) => zero),
      own.type,
    );
    const stored = {
      scale: this.#parts.initializer(`${name}_scale`, "float32", shape, scales),
      zero: this.#parts.initializer(`${name}_zero_point`, own.type, shape, zeros),
    };
    this.#stored.set(own, stored);
    return stored;
  }

  #domain(own: TensorParameters): string {
    const isWide = INTEGER_TYPES[own.type].bits !== 8;
    return isWide && this.#plan.opset < WIDE_TYPES_OPSET ? "com.microsoft" : "";
  }

  #fresh(name: string): string {
    return this.#parts.value(name);
  }

  #pair(name: string, made: string): readonly GraphNode[] {
    const own = this.#plan.tensors.has(name) ? this.#parameters.get(name) : undefined;
    if (own === undefined || name === "") return [];
    const { scale, zero } = this.#store(name, own);
    const codes = this.#fresh(`${name}_QuantizeLinear_Output`);
    const real = this.#isSplit(name) ? name : this.#fresh(`${name}_DequantizeLinear_Output`);
    if (real !== name) this.#readAs.set(name, real);
    const domain = this.#domain(own);
    return [
      this.#parts.node(`${name}_QuantizeLinear`, {
        opType: "QuantizeLinear",
        domain,
        inputs: [made, scale, zero],
        outputs: [codes],
      }),
      this.#parts.node(`${name}_DequantizeLinear`, {
        opType: "DequantizeLinear",
        domain,
        inputs: [codes, scale, zero],
        outputs: [real],
      }),
    ];
  }

  #weight(name: string): GraphNode {
    const own = this.#parameters.get(name)!;
    const initializer = this.#plan.graph.initializers.get(name)!;
    const layout = channelLayout(initializer.shape, own.axis);
    const values = this.#rounded.get(name)?.values ?? float32sOf(initializer);
    const bytes = weightCodes(values, layout, own.type, own.parameters);
    const codes = this.#parts.initializer(`${name}_quantized`, own.type, initializer.shape, bytes);
    const { scale, zero } = this.#store(name, own);
    const real = this.#fresh(`${name}_DequantizeLinear_Output`);
    this.#readAs.set(name, real);
    return this.#parts.node(`${name}_DequantizeLinear`, {
      opType: "DequantizeLinear",
      domain: this.#domain(own),
      inputs: [codes, scale, zero],
      outputs: [real],
      attributes: own.axis === undefined ? {} : { axis: int(own.axis) },
    });
  }

  #bias(bias: PlannedBias): GraphNode {
    const { name, input, weight, beta } = bias;
    const initializer = this.#plan.graph.initializers.get(name)!;
    const inputScale = this.#parameters.get(input)!.parameters[0]!.scale;
    const own = this.#parameters.get(weight)!;
    const scales = own.parameters.map(({ scale }) => Math.fround(Math.fround(inputScale * scale) * beta));
    const codes = biasCodes(float32sOf(initializer), scales);
    const isPerChannel = scales.length > 1;
    const shape = isPerChannel ? [scales.length] : [];
    const inputs = [
      this.#parts.initializer(`${name}_quantized`, "int32", initializer.shape, codes),
      // A list with one element, like the tool.
      this.#parts.initializer(
        `${name}_quantized_scale`,
        "float32",
        [scales.length],
        Float32Array.from(scales),
      ),
      this.#parts.initializer(`${name}_quantized_zero_point`, "int32", shape, new Int32Array(scales.length)),
    ];
    // A bias that only one node reads keeps its name.
    const isOwn = this.#plan.isPrivate(name);
    const real = isOwn ? name : this.#fresh(`${name}_DequantizeLinear_Output`);
    if (isOwn) this.#remade.add(name);
    this.#biasOf.set(bias, real);
    return this.#parts.node(`${name}_DequantizeLinear`, {
      opType: "DequantizeLinear",
      inputs,
      outputs: [real],
      attributes: isPerChannel ? { axis: int(0) } : {},
    });
  }

  #finish(nodes: readonly GraphNode[]): Graph {
    const { graph } = this.#plan;
    const read = new Set([...nodes.flatMap(valuesRead), ...graph.outputs.map(({ name }) => name)]);
    const initializers = [...graph.initializers, ...this.#parts.initializers].filter(
      ([name]) => read.has(name) && !this.#remade.has(name),
    );
    const result: Graph = {
      ...graph,
      nodes,
      initializers: new Map(initializers),
      opsets: { "com.microsoft": 1, ...graph.opsets },
    };
    checkGraph(result);
    return result;
  }
}

/**
 * Applies a plan to its graph.
 *
 * @param rounded weights that are already rounded to their grids, by name
 * @throws SlmError DATA_INVALID if the result is not a valid graph
 */
export function assembleQdq(
  plan: TensorPlan,
  parameters: ReadonlyMap<string, TensorParameters>,
  rounded: Rounded = new Map(),
): Graph {
  return new Assembler(plan, parameters, rounded).build();
}
