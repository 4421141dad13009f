/** Graphs with a single operator for combinations of element type, rank, shape, attributes and QDQ form, from the rows of probe-table.mjs. */
import { decodeModel, encodeModel, float, GraphBuilder, int, ints, text } from "@slm/onnx";
import { inferShapes } from "@slm/analysis";
import { readable } from "./corpus.mjs";
import { CASTS, PROBES } from "./probe-table.mjs";

/** Element types for the base of every operator. */
/** @type {readonly import("@slm/onnx").OnnxDType[]} */
const TYPES = ["float32", "float16", "bool", "int32", "uint32", "int64", "int8", "uint8", "int16", "uint16"];
/** Types for ranks and other uses. */
/** @type {readonly import("@slm/onnx").OnnxDType[]} */
const FEW_TYPES = ["float32", "int32"];

const QUANTIZED = /** @type {const} */ (["uint8", "int8", "uint16", "int16"]);

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

/**
 * @typedef {import("./probe-table/inputs.mjs").Input} Input
 * @typedef {import("./probe-table/inputs.mjs").Use} Use
 * @typedef {import("./probe-table.mjs").ProbeRow} ProbeRow
 * @typedef {import("@slm/onnx").OnnxDType} Dtype
 * @typedef {{ activations: Dtype, weights: Dtype, asymmetric?: boolean, perChannel?: boolean, open?: boolean }} Form
 */

/** QDQ forms: types of activations and constants, and whether constants have one scale per channel. */
/** A form for each type of activations. @type {(activations: readonly Dtype[], rest: Partial<Form>) => Form[]} */
const formsOf = (activations, rest) =>
  activations.map((type) => ({ activations: type, weights: type, ...rest }));

/** @type {readonly Form[]} */
const FORMS = [
  ...formsOf(QUANTIZED, {}),
  ...formsOf(QUANTIZED, { asymmetric: true }),
  ...formsOf(QUANTIZED, { weights: "int8" }),
  ...formsOf(QUANTIZED, { weights: "int8", perChannel: true }),
  ...formsOf(["uint8", "uint16"], { weights: "uint8", asymmetric: true }),
  ...formsOf(["uint8", "uint16", "int16"], { weights: "int4", perChannel: true }),
  { activations: "uint16", weights: "int4" },
  { activations: "uint16", weights: "int16", perChannel: true },
  { activations: "uint8", weights: "uint8", open: true },
];
const USE_FORMS = FORMS.filter((_, at) => [0, 2, 8, 10].includes(at));
const RANK_FORMS = FORMS.filter((_, at) => [0, 2].includes(at));

const formText = (/** @type {Form} */ { activations, weights, asymmetric, perChannel, open }) =>
  `${activations}-${weights}${asymmetric ? "-asymmetric" : ""}${perChannel ? "-per-channel" : ""}${open ? "-open" : ""}`;

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

class Probe {
  constructor(
    /** @type {{ opType: string, domain: string }} */ { opType, domain },
    /** @type {Use} */ { x, a = {}, n = 1, opset = 21 },
  ) {
    this.g = new GraphBuilder("probe", { opset, irVersion: 10 });
    this.opset = opset;
    this.made = { opType, domain, x, a, n };
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

  /** @param {Dtype} dtype @param {boolean} asymmetric @param {number} [count] */
  parameters(dtype, asymmetric, count) {
    const shape = count === undefined ? [] : [count];
    const list = (/** @type {number} */ value) => Array.from({ length: count ?? 1 }, () => value);
    const scale = this.g.constant("float32", shape, list(dtype.endsWith("16") ? 0.0001 : 0.01));
    return [scale, this.g.constant(dtype, shape, list(ZERO[dtype]?.[asymmetric ? 1 : 0] ?? 0))];
  }

  dequantized(
    /** @type {Input & { kind: "T" | "W" }} */ value,
    /** @type {Form} */ form,
    /** @type {number} */ index,
  ) {
    const { opType } = this.made;
    const { activations, weights, asymmetric = false, perChannel = false } = form;
    if (value.kind === "T")
      return this.linear("DequantizeLinear", [
        this.input(activations, value.shape),
        ...this.parameters(activations, asymmetric),
      ]);
    const isBias = index === 2 && ["Conv", "ConvTranspose", "Gemm"].includes(opType);
    const dtype = isBias ? "int32" : weights;
    const axis =
      perChannel && !isBias && value.shape.length > 1 ? weightAxis(this.made, value.shape) : undefined;
    const codes = numbers(product(value.shape), "int32");
    const constant = this.g.constant(dtype, value.shape, codes);
    if (isBias)
      return this.linear(
        "DequantizeLinear",
        [constant, ...this.biasParameters(form, value.shape)],
        perChannel && value.shape.length === 1 ? 0 : undefined,
      );
    return this.linear(
      "DequantizeLinear",
      [constant, ...this.parameters(dtype, asymmetric, axis === undefined ? undefined : value.shape[axis])],
      axis,
    );
  }

  /** The scale of a bias is the input's scale times the weight's scale. */
  biasParameters(/** @type {Form} */ { activations, weights, perChannel }, /** @type {number[]} */ shape) {
    const step = (/** @type {string} */ dtype) => (dtype.endsWith("16") ? 0.0001 : 0.01);
    const count = perChannel && shape.length === 1 ? shape[0] : undefined;
    const list = (/** @type {number} */ value) => Array.from({ length: count ?? 1 }, () => value);
    const sizes = count === undefined ? [] : [count];
    return [
      this.g.constant("float32", sizes, list(step(activations) * step(weights))),
      this.g.constant("int32", sizes, list(0)),
    ];
  }

  value(
    /** @type {Input | null} */ value,
    /** @type {Dtype} */ dtype,
    /** @type {Form | undefined} */ form,
    /** @type {number} */ index,
  ) {
    if (value === null) return "";
    if (value.kind === "I") return this.input(value.dtype, value.shape);
    if (value.kind === "C") return this.g.constant(value.dtype, value.shape, value.values);
    if (form !== undefined) return this.dequantized(value, form, index);
    if (value.kind === "T") return this.input(dtype, value.shape);
    return this.g.constant(dtype, value.shape, numbers(product(value.shape), dtype));
  }

  /** The graph with the operator in an element type or a QDQ form. */
  build(/** @type {Dtype} */ dtype, /** @type {Form | undefined} */ form) {
    const { opType, domain, x, a, n } = this.made;
    const inputs = x.map((value, index) => this.value(value, dtype, form, index));
    const attributes = Object.fromEntries(
      Object.entries(a).map(([name, value]) => [
        name,
        FLOATS.has(name) && typeof value === "number" ? float(value) : attribute(value),
      ]),
    );
    const outputs = this.g.node(opType, inputs, { domain, attributes, outputs: n });
    const isOpen = form === undefined || form.open;
    return this.finish(isOpen ? outputs : outputs.map((value) => this.quantizedAgain(value, form)));
  }

  quantizedAgain(/** @type {string} */ value, /** @type {Form} */ { activations, asymmetric = false }) {
    const { facts } = inferShapes({ ...this.g.build(), producer: "", omitted: [] });
    if (!isFloat(facts.of(value).dtype ?? "float32")) return value;
    return this.linear("QuantizeLinear", [value, ...this.parameters(activations, asymmetric)]);
  }

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
  /** @type {{ opType: string, a: import("./probe-table/inputs.mjs").Attributes }} */ { opType, a },
  /** @type {readonly number[]} */ shape,
) {
  if (opType === "Conv") return 0;
  if (opType === "ConvTranspose") return 1;
  if (opType === "Gemm") return a["transB"] === 1 ? 0 : 1;
  return opType === "MatMul" ? shape.length - 1 : 0;
}

/** @returns {Generator<[what: string, use: Use, dtype: Dtype, form?: Form]>} */
function* uses(/** @type {ProbeRow} */ row) {
  const [first, ...others] = row.uses;
  if (first === undefined) return;
  for (const dtype of TYPES) yield [`base ${dtype}`, first, dtype];
  for (const form of FORMS) yield [`base ${formText(form)}`, first, "float32", form];
  for (const [index, use] of others.entries()) {
    for (const dtype of FEW_TYPES) yield [`use ${index + 1} ${dtype}`, use, dtype];
    for (const form of USE_FORMS) yield [`use ${index + 1} ${formText(form)}`, use, "float32", form];
  }
  const { rank: of } = row;
  if (of === undefined) return;
  for (const rank of row.ranks) {
    for (const dtype of FEW_TYPES) yield [`rank ${rank} ${dtype}`, of(rank), dtype];
    for (const form of RANK_FORMS) yield [`rank ${rank} ${formText(form)}`, of(rank), "float32", form];
  }
}

/** @returns {AsyncGenerator<[name: string, graph: import("@slm/onnx").Graph]>} */
export async function* probes() {
  const seen = new Set();
  for (const row of PROBES) {
    for (const [what, use, dtype, form] of uses(row)) {
      // Rows cover more than operators support. Combinations that cannot be written as a graph (such as some 4-bit tensors) are skipped.
      const graph = await readable(() => decodeModel(encodeModel(new Probe(row, use).build(dtype, form))));
      const name = `${row.domain === "" ? "" : `${row.domain}:`}${row.opType} ${what}`;
      if (graph === undefined || seen.has(name)) continue; // Forms of different types can have the same name: int8 and int8.
      seen.add(name);
      yield [name, graph];
    }
  }
  for (const from of CASTS) for (const to of CASTS) yield [`Cast ${from} ${to}`, castOf(from, to)];
}

/** @type {Readonly<Record<string, number>>} */
const CODES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12,
};

function castOf(/** @type {Dtype} */ from, /** @type {Dtype} */ to) {
  const g = new GraphBuilder("probe");
  const x = g.input("x", from, [3, 4]);
  const y = g.op("Cast", [x], { attributes: { to: int(CODES[to] ?? 1) } });
  return { ...g.build(), outputs: [{ name: y, dtype: to, shape: [3, 4] }] };
}
