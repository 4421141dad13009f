/** Builds a graph of one or more operators under test, in an element type or a QDQ form. */
import { float, GraphBuilder, int, ints, text } from "@slm/onnx";
import { inferShapes } from "@slm/analysis";

/**
 * @typedef {import("./probe-table/inputs.mjs").Input} Input
 * @typedef {import("./probe-table/inputs.mjs").Use} Use
 * @typedef {import("@slm/onnx").OnnxDType} Dtype
 *
 * A QDQ form: types of activations and constants, and whether constants have one scale per channel. An `open` form has no QuantizeLinear
 * after the operator. `scales` replaces the default scales of activations before and after the operator.
 *
 * @typedef {{ before: number, after: number }} Scales
 * @typedef {{ activations: Dtype, weights: Dtype, asymmetric?: boolean, perChannel?: boolean, open?: boolean, scales?: Scales }} Form
 *
 * @typedef {{ opType: string, domain: string }} Operator
 *
 * A value in float of an operator before, and whether it comes from DequantizeLinear.
 *
 * @typedef {{ value: string, isDequantized: boolean }} Given
 */

/** Zero points of a type: in the middle (symmetric) or next to it. */
/** @type {Readonly<Record<string, readonly [symmetric: number, asymmetric: number]>>} */
const ZERO = {
  uint8: [128, 100],
  int8: [0, 3],
  uint16: [32768, 30000],
  int16: [0, 7],
  int32: [0, 0],
  int4: [0, 0],
  uint4: [8, 7],
};

/** Default scale of a quantized type. */
const stepOf = (/** @type {string} */ dtype) => (dtype.endsWith("16") ? 0.0001 : 0.01);

const attribute = (/** @type {string | number | number[]} */ value) => {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return ints(value);
  return Number.isInteger(value) && !Object.is(value, -0) ? int(value) : float(value);
};
/** Attributes that ONNX declares as floats, although a probe's value may be a whole number. */
const FLOATS = new Set(["alpha", "beta", "epsilon", "min", "max"]);

const isFloat = (/** @type {string} */ dtype) => dtype === "float32" || dtype === "float16";
const product = (/** @type {readonly number[]} */ shape) => shape.reduce((all, size) => all * size, 1);

/** Numbers between 0 and 1 without equal neighbours. */
const numbers = (/** @type {number} */ count, /** @type {string} */ dtype) =>
  Array.from({ length: count }, (_, index) => (isFloat(dtype) ? ((index * 7) % 11) / 11 + 0.05 : index % 2));

export class Probe {
  constructor(/** @type {number} */ opset = 21) {
    this.g = new GraphBuilder("probe", { opset, irVersion: 10 });
    this.opset = opset;
    this.count = 0;
  }

  input(/** @type {Dtype} */ dtype, /** @type {number[]} */ shape) {
    return this.g.input(`x${this.count++}`, dtype, shape);
  }

  /** @param {string} name @param {string[]} inputs @param {number} [axis] */
  linear(name, inputs, axis) {
    const domain = this.opset < 21 ? "com.microsoft" : "";
    const attributes = axis === undefined ? {} : { axis: int(axis) };
    return this.g.op(name, inputs, { domain, attributes });
  }

  /** @param {Dtype} dtype @param {{ asymmetric?: boolean, count?: number | undefined, scale?: number | undefined }} rest */
  parameters(dtype, { asymmetric = false, count, scale = stepOf(dtype) }) {
    const shape = count === undefined ? [] : [count];
    const list = (/** @type {number} */ value) => Array.from({ length: count ?? 1 }, () => value);
    const scales = this.g.constant("float32", shape, list(scale));
    return [scales, this.g.constant(dtype, shape, list(ZERO[dtype]?.[asymmetric ? 1 : 0] ?? 0))];
  }

  /** A quantized input of the graph, or a value of it that is quantized here; then dequantized. */
  activation(
    /** @type {number[]} */ shape,
    /** @type {Form} */ { activations, asymmetric = false, scales },
    /** @type {string | undefined} */ value,
  ) {
    const parameters = this.parameters(activations, { asymmetric, scale: scales?.before });
    const quantized =
      value === undefined
        ? this.input(activations, shape)
        : this.linear("QuantizeLinear", [value, ...parameters]);
    return this.linear("DequantizeLinear", [quantized, ...parameters]);
  }

  weight(
    /** @type {Operator & Use} */ made,
    /** @type {number[]} */ shape,
    /** @type {Form} */ form,
    /** @type {number} */ index,
  ) {
    const { weights, asymmetric = false, perChannel = false } = form;
    const isBias = index === 2 && ["Conv", "ConvTranspose", "Gemm"].includes(made.opType);
    const dtype = isBias ? "int32" : weights;
    const axis = perChannel && !isBias && shape.length > 1 ? weightAxis(made, shape) : undefined;
    const constant = this.g.constant(dtype, shape, numbers(product(shape), "int32"));
    if (isBias)
      return this.linear(
        "DequantizeLinear",
        [constant, ...this.biasParameters(form, shape)],
        perChannel && shape.length === 1 ? 0 : undefined,
      );
    const count = axis === undefined ? undefined : shape[axis];
    return this.linear(
      "DequantizeLinear",
      [constant, ...this.parameters(dtype, { asymmetric, count })],
      axis,
    );
  }

  /** The scale of a bias is the input's scale times the weight's scale. */
  biasParameters(
    /** @type {Form} */ { activations, weights, perChannel, scales },
    /** @type {number[]} */ shape,
  ) {
    const count = perChannel && shape.length === 1 ? shape[0] : undefined;
    const list = (/** @type {number} */ value) => Array.from({ length: count ?? 1 }, () => value);
    const sizes = count === undefined ? [] : [count];
    const scale = (scales?.before ?? stepOf(activations)) * stepOf(weights);
    return [this.g.constant("float32", sizes, list(scale)), this.g.constant("int32", sizes, list(0))];
  }

  value(
    /** @type {Operator & Use} */ made,
    /** @type {number} */ index,
    /** @type {{ dtype: Dtype, form?: Form | undefined, first?: Given | undefined }} */ {
      dtype,
      form,
      first,
    },
  ) {
    const value = made.x[index] ?? null;
    if (value === null) return "";
    if (value.kind === "I") return this.input(value.dtype, value.shape);
    if (value.kind === "C") return this.g.constant(value.dtype, value.shape, value.values);
    if (value.kind === "T") {
      const given = index === made.x.findIndex((one) => one?.kind === "T") ? first : undefined;
      if (given?.isDequantized === true) return given.value;
      if (form !== undefined) return this.activation(value.shape, form, given?.value);
      return given?.value ?? this.input(dtype, value.shape);
    }
    if (form !== undefined) return this.weight(made, value.shape, form, index);
    return this.g.constant(dtype, value.shape, numbers(product(value.shape), dtype));
  }

  /**
   * Adds an operator and returns its outputs. Its first computed input is `first`, if it is given. The others are inputs of the graph.
   */
  operator(
    /** @type {Operator} */ { opType, domain },
    /** @type {Use} */ use,
    /** @type {{ dtype: Dtype, form?: Form | undefined, first?: Given | undefined }} */ options,
  ) {
    const { a = {}, n = 1 } = use;
    const made = { opType, domain, ...use };
    const inputs = use.x.map((_, index) => this.value(made, index, options));
    const attributes = Object.fromEntries(
      Object.entries(a).map(([name, value]) => [
        name,
        FLOATS.has(name) && typeof value === "number" ? float(value) : attribute(value),
      ]),
    );
    const outputs = this.g.node(opType, inputs, { domain, attributes, outputs: n });
    const { form } = options;
    if (form === undefined || form.open === true) return outputs;
    return outputs.map((value) => this.quantizedAgain(value, form));
  }

  quantizedAgain(
    /** @type {string} */ value,
    /** @type {Form} */ { activations, asymmetric = false, scales },
  ) {
    if (!isFloat(this.factsOf(value).dtype ?? "float32")) return value;
    const parameters = this.parameters(activations, { asymmetric, scale: scales?.after });
    return this.linear("QuantizeLinear", [value, ...parameters]);
  }

  /** The float value of a quantized output. */
  dequantizedAgain(
    /** @type {string} */ value,
    /** @type {Form} */ { activations, asymmetric = false, scales },
  ) {
    const parameters = this.parameters(activations, { asymmetric, scale: scales?.after });
    return this.linear("DequantizeLinear", [value, ...parameters]);
  }

  factsOf(/** @type {string} */ value) {
    return inferShapes({ ...this.g.build(), producer: "", omitted: [] }).facts.of(value);
  }

  /** The graph with these outputs. */
  finish(/** @type {string[]} */ values) {
    const graph = this.g.build();
    const { facts } = inferShapes({ ...graph, producer: "", omitted: [] });
    const outputs = values.map((name) => {
      const { dtype, shape } = facts.of(name);
      return { name, dtype, shape: known(shape) };
    });
    // An output of unknown type is written without a type; ONNX Runtime infers it.
    return { ...graph, outputs: /** @type {import("@slm/onnx").Graph["outputs"]} */ (outputs) };
  }
}

const known = (/** @type {readonly (string | number)[] | undefined} */ shape) =>
  shape?.every((size) => typeof size === "number") ? shape : undefined;

/** The axis of a weight's output channels. */
function weightAxis(
  /** @type {Operator & Use} */ { opType, a = {} },
  /** @type {readonly number[]} */ shape,
) {
  if (opType === "Conv") return 0;
  if (opType === "ConvTranspose") return 1;
  if (opType === "Gemm") return a["transB"] === 1 ? 0 : 1;
  return opType === "MatMul" ? shape.length - 1 : 0;
}
