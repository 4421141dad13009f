/** The weights of one graph. Each is stored once, when an op first uses it, in the layout that the op reads. */
import { SlmError } from "@slm/core";
import type { Initializer } from "@slm/onnx";
import { rotaryTable, type Recorder, type Rotation, type Tensor } from "@slm/tensor";
import { FLOAT_BYTES } from "./float-bits.js";
import type { WeightLayout, WeightStore } from "./weight-store.js";

/** An initializer and the order of its two axes. */
export interface StoredWeight {
  readonly name: string;
  readonly layout: WeightLayout;
  /** The shape in the checkpoint. */
  readonly shape: readonly number[];
}

/** Names of the initializers with cos and sin of every position, each `[...leading, positions, headDim / 2]`. */
export interface RotaryNames {
  readonly cos: string;
  readonly sin: string;
}

export interface RotaryRequest {
  readonly positions: number;
  readonly headDim: number;
  readonly rotation: Rotation;
  /** Axes of size 1 before the positions. Default 0. */
  readonly leadingAxes?: number;
  /** Additional factor of the rotation. Default 1. */
  readonly scale?: number;
}

/** Weights and tables of one recorder's graph. */
export class GraphWeights {
  readonly #store: WeightStore;
  readonly #stored = new Map<string, StoredWeight>();
  readonly #rotary = new Map<string, RotaryNames>();

  constructor(store: WeightStore) {
    this.#store = store;
  }

  /**
   * Returns the initializer of a parameter, which has the parameter's name. The first use stores it in `layout`. Later uses get it in the
   * stored layout, so that a table shared by embedding and output head is stored once.
   *
   * @throws SlmError UNEXPECTED if `tensor` is not a weight of the checkpoint, SHAPE_MISMATCH if the weight is not float32 with the
   * tensor's shape.
   */
  store(recorder: Recorder, tensor: Tensor, layout: WeightLayout): StoredWeight {
    const name = recorder.nameOf(tensor);
    const known = this.#stored.get(name);
    if (known !== undefined) return known;
    if (!this.#store.has(name))
      throw new SlmError("UNEXPECTED", `export: '${name}' is used as a weight but is not one`);
    const { shape } = tensor;
    const stored = layout === "transposed" ? [shape[1]!, shape[0]] : shape;
    const bytes = this.#store.bytes({ name, shape, layout });
    recorder.builder.initializer(name, this.#store.precision, stored, bytes);
    const weight = { name, layout, shape };
    this.#stored.set(name, weight);
    return weight;
  }

  /** Stores a weight of the checkpoint under its own name. */
  stored(name: string): StoredWeight | undefined {
    return this.#stored.get(name);
  }

  /** Stores several weights of one layout as one initializer, with their outputs concatenated. */
  joined(parts: readonly StoredWeight[]): Initializer {
    const outputs = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const [{ layout, shape }] = parts as readonly [StoredWeight];
    const [, inputs] = shape;
    const checkpointShape = inputs === undefined ? [outputs] : [outputs, inputs];
    return {
      name: joinedName(parts.map(({ name }) => name)),
      dtype: this.#store.precision,
      shape: layout === "transposed" ? checkpointShape.toReversed() : checkpointShape,
      data: this.#store.joinedBytes(parts),
    };
  }

  /** Whether a tensor is a weight of the checkpoint. */
  isWeight(recorder: Recorder, tensor: Tensor): boolean {
    return this.#store.has(recorder.nameOf(tensor));
  }

  /** Rotary tables of positions 0 to `positions` - 1, stored once per size and rotation. */
  rotary(
    { builder }: Recorder,
    { positions, headDim, rotation, leadingAxes = 0, scale = 1 }: RotaryRequest,
  ): RotaryNames {
    const { ropeTheta, ropeInverseFrequencies = [ropeTheta] } = rotation;
    const key = [positions, headDim, leadingAxes, scale, ...ropeInverseFrequencies].join();
    const known = this.#rotary.get(key);
    if (known !== undefined) return known;
    const { cos, sin, half } = rotaryTable(positions, headDim, rotation);
    const stem = this.#rotary.size === 0 ? "rotary" : `rotary.${this.#rotary.size}`;
    const shape = [...new Array<number>(leadingAxes).fill(1), positions, half];
    const { precision } = this.#store;
    const scaled = (values: Float32Array): Float32Array => values.map((value) => value * scale);
    const store = (part: string, values: Float32Array): string =>
      builder.initializer(`${stem}.${part}`, precision, shape, FLOAT_BYTES[precision](scaled(values), stem));
    const names = { cos: store("cos", cos), sin: store("sin", sin) };
    this.#rotary.set(key, names);
    return names;
  }
}

/** Joins names, with the common parts only once: `attention.query+key+value.weight`. */
function joinedName(names: readonly string[]): string {
  const [first, ...others] = names.map((name) => name.split("."));
  return first!
    .map((segment, at) => [...new Set([segment, ...others.map((other) => other[at] ?? "")])].join("+"))
    .join(".");
}
