/** Writes a matrix in the forms that kernels/linear.c and kernels/blocks.c read: panels of 16 outputs. */
import type { WeightForm } from "../program/sections.js";
import { BLOCK, quantizeBlock } from "./quantize-block.js";

/** Outputs of a panel; SLM_PANEL in kernels/linear.c. */
export const PANEL = 16;
const LARGEST_INT8 = 127;
/** Inputs whose int4 codes are stored together. */
const GROUP = 4;

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

const panelsOf = (outputs: number): number => Math.ceil(outputs / PANEL);

function packFloats(values: Float32Array, { outputs, inputs }: Shape): Uint8Array {
  const packed = new Float32Array(panelsOf(outputs) * PANEL * inputs);
  for (let output = 0; output < outputs; output++) {
    const start = Math.floor(output / PANEL) * PANEL * inputs + (output % PANEL);
    for (let input = 0; input < inputs; input++)
      packed[start + input * PANEL] = values[output * inputs + input]!;
  }
  return bytesOf(packed);
}

function packInt8(values: Float32Array, { outputs, inputs }: Shape): Uint8Array {
  const pairs = Math.ceil(inputs / 2);
  const scales = new Float32Array(panelsOf(outputs) * PANEL);
  const packed = new Int8Array(panelsOf(outputs) * PANEL * pairs * 2);
  for (let output = 0; output < outputs; output++) {
    const row = values.subarray(output * inputs, (output + 1) * inputs);
    const scale = Math.fround(
      row.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-20) / LARGEST_INT8,
    );
    scales[output] = scale;
    const start = Math.floor(output / PANEL) * PANEL * pairs * 2 + (output % PANEL) * 2;
    for (let input = 0; input < inputs; input++) {
      const whole = Math.round(row[input]! / scale);
      packed[start + (input >> 1) * PANEL * 2 + (input & 1)] = Math.max(
        -LARGEST_INT8,
        Math.min(LARGEST_INT8, whole),
      );
    }
  }
  const bytes = new Uint8Array(scales.byteLength + packed.byteLength);
  bytes.set(bytesOf(scales));
  bytes.set(bytesOf(packed), scales.byteLength);
  return bytes;
}

/** Blocks as kernels/blocks.c describes them. Scales and the codes of four inputs both take 2 bytes for each output. */
function packInt4(values: Float32Array, { outputs, inputs }: Shape): Uint8Array {
  const unit = 2 * PANEL;
  const groups = Math.ceil(inputs / GROUP);
  const panelBytes = (Math.ceil(inputs / BLOCK) + groups) * unit;
  const bytes = new Uint8Array(panelsOf(outputs) * panelBytes);
  const view = new DataView(bytes.buffer);
  for (let output = 0; output < outputs; output++) {
    let at = Math.floor(output / PANEL) * panelBytes + (output % PANEL) * 2;
    for (let first = 0; first < inputs; first += BLOCK) {
      const end = Math.min(inputs, first + BLOCK);
      const row = values.subarray(output * inputs + first, output * inputs + end);
      const { scaleBits, codes } = quantizeBlock(row);
      view.setUint16(at, scaleBits, true);
      codes.forEach((code, input) => {
        const byte = at + unit * (1 + Math.floor(input / GROUP)) + (input & 1);
        bytes[byte]! |= (code & 15) << (2 * (input & 2));
      });
      at += unit * (1 + Math.ceil(row.length / GROUP));
    }
  }
  return bytes;
}
