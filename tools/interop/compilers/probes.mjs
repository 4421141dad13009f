/** Graphs with a single operator for combinations of element type, rank, shape, attributes and QDQ form, from the rows of probe-table.mjs. */
import { decodeModel, encodeModel, GraphBuilder, int } from "@slm/onnx";
import { readable } from "./readable.mjs";
import { Probe } from "./probe.mjs";
import { CASTS, PROBES } from "./probe-table.mjs";

/**
 * @typedef {import("./probe-table/inputs.mjs").Use} Use
 * @typedef {import("./probe-table.mjs").ProbeRow} ProbeRow
 * @typedef {import("@slm/onnx").OnnxDType} Dtype
 * @typedef {import("./probe.mjs").Form} Form
 */

/** Element types for the base of every operator. */
/** @type {readonly import("@slm/onnx").OnnxDType[]} */
const TYPES = ["float32", "float16", "bool", "int32", "uint32", "int64", "int8", "uint8", "int16", "uint16"];
/** Types for ranks and other uses. */
/** @type {readonly import("@slm/onnx").OnnxDType[]} */
const FEW_TYPES = ["float32", "int32"];

export const QUANTIZED = /** @type {const} */ (["uint8", "int8", "uint16", "int16"]);

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

export const formText = (/** @type {Form} */ { activations, weights, asymmetric, perChannel, open }) =>
  `${activations}-${weights}${asymmetric ? "-asymmetric" : ""}${perChannel ? "-per-channel" : ""}${open ? "-open" : ""}`;

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

/** The graph with the operator in an element type or a QDQ form. */
function probeOf(
  /** @type {ProbeRow} */ row,
  /** @type {Use} */ use,
  /** @type {{ dtype: Dtype, form?: Form | undefined }} */ options,
) {
  const probe = new Probe(use.opset);
  return probe.finish(probe.operator(row, use, options));
}

/** @returns {AsyncGenerator<[name: string, graph: import("@slm/onnx").Graph]>} */
export async function* probes() {
  const seen = new Set();
  for (const row of PROBES) {
    for (const [what, use, dtype, form] of uses(row)) {
      // Rows cover more than operators support. Combinations that cannot be written as a graph (such as some 4-bit tensors) are skipped.
      const graph = await readable(() => decodeModel(encodeModel(probeOf(row, use, { dtype, form }))));
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
