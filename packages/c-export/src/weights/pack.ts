/**
 * Writes the sections of a weights file, each on a boundary of 64 bytes.
 */
import { createHash } from "node:crypto";
import { SlmError } from "@slm/core";
import { toFloat32, type Weights } from "@slm/model";
import { relativeBucket, rotaryTable } from "@slm/tensor";
import type { BiasSpec, MatrixSpec } from "../program/nodes.js";
import type { Section, WeightForm } from "../program/sections.js";
import { bytesOf, packMatrix, PANEL } from "./pack-matrix.js";

/** Boundary of sections [bytes]. The first section is the digest. */
export const ALIGNMENT = 64;

/** Bytes of the digest at the start of a file: the first of the SHA-256 of what follows. The C code knows it, and refuses other weights. */
export const DIGEST_BYTES = 8;

/** Where sections start [bytes], and the file: the digest in a section of its own, then the sections. */
export interface WeightFile {
  readonly offsets: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * Packs the sections of a program.
 *
 * @throws SlmError DATA_INVALID for a weight that is missing or not a number
 */
export function packWeights(sections: readonly Section[], weights: Weights, form: WeightForm): WeightFile {
  const parts = sections.map((section) => packSection(section, weights, form));
  const offsets: number[] = [];
  let size = ALIGNMENT;
  for (const part of parts) {
    offsets.push(size);
    size += Math.ceil(part.byteLength / ALIGNMENT) * ALIGNMENT;
  }
  const bytes = new Uint8Array(size);
  parts.forEach((part, at) => {
    bytes.set(part, offsets[at]);
  });
  const digest = createHash("sha256").update(bytes.subarray(ALIGNMENT)).digest();
  bytes.set(digest.subarray(0, DIGEST_BYTES));
  return { offsets, bytes };
}

function packSection(section: Section, weights: Weights, form: WeightForm): Uint8Array {
  switch (section.kind) {
    case "matrix":
      return packMatrix(matrixOf(section.matrix, weights), section, form);
    case "bias":
      return bytesOf(padded(biasOf(section, weights)));
    case "vector":
      return bytesOf(padded(valuesOf(weights, section.name)));
    case "rotary":
      return bytesOf(rotaryTable(section.positions, section.headDim, section.rotation)[section.part]);
    case "relative":
      return bytesOf(relativeBias(section, weights));
  }
}

/** Kernels read biases in whole panels. */
function padded(values: Float32Array): Float32Array {
  const whole = new Float32Array(Math.ceil(values.length / PANEL) * PANEL);
  whole.set(values);
  return whole;
}

function valuesOf(weights: Weights, name: string): Float32Array {
  const weight = weights.get(name);
  if (weight === undefined)
    throw new SlmError("DATA_INVALID", `export: the checkpoint has no weight '${name}'`);
  const values = toFloat32(weight, name).data as Float32Array;
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new SlmError(
      "DATA_INVALID",
      `export: weight '${name}' is ${values[at]} at ${at}; expected a finite number`,
    );
  return values;
}

/** The parts below each other, `[outputs, inputs]`, with the gain of the norm before them in the columns. */
function matrixOf({ parts, gain }: MatrixSpec, weights: Weights): Float32Array {
  const values = concatenated(parts.map((name) => valuesOf(weights, name)));
  if (gain === undefined) return values;
  const gains = valuesOf(weights, gain);
  return values.map((value, at) => value * gains[at % gains.length]!);
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The biases of the parts, zeros where a part has none, plus weight · shift. */
function biasOf(
  {
    matrix,
    bias,
    outputs,
  }: { readonly matrix: MatrixSpec; readonly bias: BiasSpec; readonly outputs: number },
  weights: Weights,
): Float32Array {
  const sums = new Float32Array(outputs);
  let row = 0;
  matrix.parts.forEach((name, part) => {
    const rows = weights.get(name)!.shape[0]!;
    const own = bias[part];
    if (own !== undefined) sums.set(valuesOf(weights, own), row);
    row += rows;
  });
  if (matrix.shift === undefined) return sums;
  const shift = valuesOf(weights, matrix.shift);
  const values = matrixOf({ parts: matrix.parts }, weights);
  return sums.map((sum, output) => {
    let total = sum;
    for (let input = 0; input < shift.length; input++)
      total += values[output * shift.length + input]! * shift[input]!;
    return total;
  });
}

/** Biases by distance, `[heads, 2 · reach - 1]`, from key - query = 1 - reach on. */
function relativeBias(
  { relative, heads, reach }: Extract<Section, { kind: "relative" }>,
  weights: Weights,
): Float32Array {
  const table = valuesOf(weights, relative.table);
  const width = 2 * reach - 1;
  const biases = new Float32Array(heads * width);
  for (let at = 0; at < width; at++) {
    const bucket = relativeBucket(at + 1 - reach, relative, relative.isBidirectional);
    for (let head = 0; head < heads; head++) biases[head * width + at] = table[bucket * heads + head]!;
  }
  return biases;
}
