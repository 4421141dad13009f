/** The operators to probe compilers with. probe-table/inputs.mjs describes the format of a row. */
import { ELEMENTWISE } from "./probe-table/elementwise.mjs";
import { LAYERS } from "./probe-table/layers.mjs";
import { MOVEMENT } from "./probe-table/movement.mjs";
import { REDUCTIONS } from "./probe-table/reductions.mjs";

const TABLE = { ...ELEMENTWISE, ...REDUCTIONS, ...MOVEMENT, ...LAYERS };

/** Rows by operator. The default of `ranks` is 0 to 6. */
export const PROBES = Object.entries(TABLE).map(([name, row]) => {
  const at = name.indexOf(":");
  const [domain, opType] = [name.slice(0, Math.max(0, at)), name.slice(at + 1)];
  const { uses, rank, ranks = rank === undefined ? [] : [0, 1, 2, 3, 4, 5, 6] } = row;
  return { domain, opType, uses, rank, ranks };
});

/** Pairs of types of Cast. */
/** @type {readonly import("@slm/onnx").OnnxDType[]} */
export const CASTS = [
  "float32",
  "float16",
  "bool",
  "int32",
  "uint32",
  "int64",
  "int8",
  "uint8",
  "int16",
  "uint16",
];

/** @typedef {(typeof PROBES)[number]} ProbeRow */
