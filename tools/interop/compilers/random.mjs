/** Random graphs: one operator, or a chain of 2 to 4, with random shapes, attributes, element types and QDQ forms. */
import { decodeModel, encodeModel } from "@slm/onnx";
import { readable } from "./readable.mjs";
import { Probe } from "./probe.mjs";
import { formText, QUANTIZED } from "./probes.mjs";
import { Draw } from "./random/draw.mjs";
import { ELEMENTWISE } from "./random/elementwise.mjs";
import { LAYERS } from "./random/layers.mjs";
import { MOVEMENT } from "./random/movement.mjs";

/**
 * @typedef {import("@slm/onnx").OnnxDType} Dtype
 * @typedef {import("./probe.mjs").Form} Form
 * @typedef {import("./probe.mjs").Given} Given
 * @typedef {import("./random/draw.mjs").Use} Use
 */

/** The tables of operators, from which equally many operators are taken. */
const TABLES = [ELEMENTWISE, MOVEMENT, LAYERS].map((table) => Object.entries(table));

const OPSETS = [13, 17, 18, 20, 21, 21, 21, 21, 22, 23];
const LENGTHS = [1, 1, 1, 1, 1, 1, 2, 2, 3, 4];

/** @type {readonly Dtype[]} */
const TYPES = [
  "float32",
  "float32",
  "float32",
  "float32",
  "float32",
  "float16",
  "int32",
  "int64",
  "bool",
  "uint8",
  "uint32",
];

/** @type {readonly Dtype[]} */
const WEIGHTS = ["int8", "int8", "uint8", "int4", "int16", "uint16"];

/** Number of constants in the name of a graph. */
const MOST_VALUES = 12;

/** Operators of booleans, which other types would only have rejected. */
const BOOLEAN = /^(?:And|Or|Xor|Not)$/u;

/** The graph that is generated so far. */
class Chain {
  /** @type {Given | undefined} */
  first;
  /** @type {number[] | undefined} */
  shape;
  /** @type {Form | undefined} */
  form;
  /** @type {string[]} */
  outputs = [];
  /** @type {string[]} */
  texts = [];

  constructor(/** @type {Draw} */ draw) {
    this.draw = draw;
    this.opset = draw.pick(OPSETS);
    this.probe = new Probe(this.opset);
    this.dtype = draw.pick(TYPES);
  }

  /** Adds an operator that can read the value before it. Returns whether another operator can follow. */
  add() {
    const { draw, opset, first, shape } = this;
    const fitting = TABLES.map((rows) =>
      rows.filter(
        ([, { since = 13, fits = () => true }]) => since <= opset && (shape === undefined || fits(shape)),
      ),
    );
    const [name, row] = draw.pick(draw.pick(fitting.filter((rows) => rows.length > 0)));
    const use = row.use(draw, shape ?? row.shape?.(draw) ?? draw.shape(), opset);
    const dtype = BOOLEAN.test(name) && first === undefined && draw.chance(0.9) ? "bool" : this.dtype;
    const isFloat = first === undefined ? dtype === "float32" : first.isDequantized || dtype === "float32";
    const form = isFloat && draw.chance(0.45) ? this.randomForm() : undefined;
    const at = name.indexOf(":");
    const operator = { domain: name.slice(0, Math.max(0, at)), opType: name.slice(at + 1) };
    const outputs = this.probe.operator(operator, use, { dtype, form, first });
    this.texts.push(describe(name, use, form === undefined ? dtype : formText(form)));
    return this.follow(outputs, form);
  }

  randomForm() {
    const { draw } = this;
    const activations = draw.pick(QUANTIZED);
    const scale = () => draw.pick([0.01, 0.01, 0.02, 1 / 256, 0.0005]);
    const before = scale();
    return {
      activations,
      weights: draw.chance(0.5) ? activations : draw.pick(WEIGHTS),
      asymmetric: draw.chance(0.4),
      perChannel: draw.chance(0.3),
      open: draw.chance(0.1),
      scales: { before, after: draw.chance(0.5) ? before : scale() },
    };
  }

  /** Takes the first output as the value that the next operator reads. */
  follow(/** @type {string[]} */ outputs, /** @type {Form | undefined} */ form) {
    this.outputs = outputs;
    const [value = ""] = outputs;
    const { dtype, shape } = this.probe.factsOf(value);
    if (dtype === undefined || shape === undefined) return false;
    const sizes = shape.filter((size) => typeof size === "number");
    if (sizes.length !== shape.length || sizes.some((size) => size === 0)) return false;
    this.shape = sizes;
    this.form = form !== undefined && form.open !== true && dtype === form.activations ? form : undefined;
    this.dtype = dtype;
    this.first = { value, isDequantized: false };
    return true;
  }

  /** Dequantizes the value before the next operator reads it. */
  continue() {
    if (this.form === undefined || this.first === undefined) return;
    this.first = { value: this.probe.dequantizedAgain(this.first.value, this.form), isDequantized: true };
    this.dtype = "float32";
  }

  finish() {
    return this.probe.finish(this.outputs);
  }
}

/**
 * `count` graphs for a seed. A smaller count gives the first of them.
 *
 * @returns {AsyncGenerator<[name: string, graph: import("@slm/onnx").Graph]>}
 */
export async function* randomGraphs(/** @type {{ seed: number, count: number }} */ { seed, count }) {
  const draw = new Draw(seed);
  for (let made = 0, tried = 0; made < count; tried++) {
    if (tried > 20 * count + 100)
      throw new Error("the generator of random graphs makes too few valid graphs");
    // Some choices cannot be written as a graph, such as the tensors of some 4-bit types.
    const graph = await readable(() => randomGraph(draw));
    if (graph === undefined) continue;
    yield [`${seed}-${made} ${graph.text}`, graph.graph];
    made++;
  }
}

function randomGraph(/** @type {Draw} */ draw) {
  const chain = new Chain(draw);
  const length = draw.pick(LENGTHS);
  for (let at = 0; at < length; at++) {
    if (at > 0) chain.continue();
    if (!chain.add()) break;
  }
  const text = `opset ${chain.opset}: ${chain.texts.join(" | ")}`;
  return { text, graph: decodeModel(encodeModel(chain.finish())) };
}

/** An operator as a text: its inputs by kind (T computed, W constant), type and shape, then its attributes and type or form. */
function describe(/** @type {string} */ name, /** @type {Use} */ { x, a = {} }, /** @type {string} */ type) {
  const inputs = x.map((input) => {
    if (input === null) return "-";
    const values = input.kind === "C" ? `=${input.values.slice(0, MOST_VALUES).join(",")}` : "";
    return `${input.kind}[${input.shape.join(",")}]${values}`;
  });
  const attributes = Object.entries(a).map(([key, value]) => `${key}=${String(value)}`);
  return [name, type, ...inputs, ...attributes].join(" ");
}
