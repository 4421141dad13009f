/** Writes a matrix in the forms that kernels/linear.c and kernels/blocks.c read: panels of 16 outputs. */
import type { WeightForm } from "../program/sections.js";
import { BLOCK, quantizeBlock } from "./quantize-block.js";

/** Outputs of a panel; SLM_PANEL in kernels/linear.c. */
export const PANEL = 16;
const LARGEST_INT8 = 127;
/** How the weight 0 is stored; see kernels/dots.h. */
const OFFSET = 128;
/** Inputs whose int4 codes are stored together. */
const GROUP = 8;

interface Shape {
  readonly outputs: number;
  readonly inputs: number;
}

export const bytesOf = (values: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** @param values `[outputs, inputs]` */
export function packMatrix(values: Float32Array, shape: Shape, form: WeightForm): Uint8Array {
  return PACKED[form](values, shape);
}

const PACKED: Readonly<Record<WeightForm, (values: Float32Array, shape: Shape) => Uint8Array>> = {
  float32: packFloats,
  int8: packInt8,
  int4: packInt4,
};

/** @returns how many panels a weight has */
export const panelsOf = (outputs: number): number => Math.ceil(outputs / PANEL);

/** Bytes of a panel of int4 weights. */
const int4PanelBytes = (inputs: number): number =>
  PANEL * (2 * Math.ceil(inputs / BLOCK) + 4 * Math.ceil(inputs / GROUP));

/** Bytes of an int8 weight: for each output a scale, and its inputs in fours. */
export const int8Bytes = (outputs: number, inputs: number): number =>
  panelsOf(outputs) * PANEL * 4 * (1 + Math.ceil(inputs / 4));

/** Bytes of an int4 weight. */
export const int4Bytes = (outputs: number, inputs: number): number =>
  panelsOf(outputs) * int4PanelBytes(inputs);

function packFloats(values: Float32Array, { outputs, inputs }: Shape): Uint8Array {
  const packed = new Float32Array(panelsOf(outputs) * PANEL * inputs);
  for (let output = 0; output < outputs; output++) {
    const start = Math.floor(output / PANEL) * PANEL * inputs + (output % PANEL);
    for (let input = 0; input < inputs; input++)
      packed[start + input * PANEL] = values[output * inputs + input]!;
  }
  return bytesOf(packed);
}

/** int8 weights as kernels/linear.c describes them. */
function packInt8(values: Float32Array, { outputs, inputs }: Shape): Uint8Array {
  const panels = panelsOf(outputs);
  const panelBytes = 4 * PANEL * Math.ceil(inputs / 4);
  const bytes = new Uint8Array(int8Bytes(outputs, inputs));
  const view = new DataView(bytes.buffer);
  for (let output = 0; output < outputs; output++) {
    const row = values.subarray(output * inputs, (output + 1) * inputs);
    const scale = Math.fround(
      row.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-20) / LARGEST_INT8,
    );
    view.setFloat32(4 * output, scale, true);
    const at = 4 * panels * PANEL + Math.floor(output / PANEL) * panelBytes + 4 * (output % PANEL);
    row.forEach((value, input) => {
      bytes[at + 4 * PANEL * (input >> 2) + (input & 3)] = OFFSET + int8Of(value / scale);
    });
  }
  return bytes;
}

const int8Of = (value: number): number => Math.max(-LARGEST_INT8, Math.min(LARGEST_INT8, Math.round(value)));

/** Blocks as kernels/blocks.c describes them. */
function packInt4(values: Float32Array, { outputs, inputs }: Shape): Uint8Array {
  const panelBytes = int4PanelBytes(inputs);
  const bytes = new Uint8Array(panelsOf(outputs) * panelBytes);
  const view = new DataView(bytes.buffer);
  for (let output = 0; output < outputs; output++) {
    let at = Math.floor(output / PANEL) * panelBytes;
    for (let first = 0; first < inputs; first += BLOCK) {
      const end = Math.min(inputs, first + BLOCK);
      const row = values.subarray(output * inputs + first, output * inputs + end);
      const { scaleBits, codes } = quantizeBlock(row);
      view.setUint16(at + 2 * (output % PANEL), scaleBits, true);
      at += 2 * PANEL;
      codes.forEach((code, input) => {
        const byte = at + 4 * PANEL * (input >> 3) + 4 * (output % PANEL) + (input & 3);
        bytes[byte]! |= (8 + code) << (input & 4);
      });
      at += 4 * PANEL * Math.ceil(codes.length / GROUP);
    }
  }
  return bytes;
}
