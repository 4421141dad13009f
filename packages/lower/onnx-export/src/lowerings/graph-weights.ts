/** The weights of one graph: each is stored when an op first asks for it, once, in the layout that op reads. */
import { SlmError } from "@slm/error";
import type { Weights } from "@slm/model";
import { rotaryTable, type Recorder, type Tensor } from "@slm/tensor";

/** `as-stored`: as in the checkpoint. `transposed`: `[out, in]` of the checkpoint as `[in, out]`. */
export type WeightLayout = "as-stored" | "transposed";

/** An initializer and how its two axes lie. */
export interface StoredWeight {
  readonly name: string;
  readonly layout: WeightLayout;
}

/** Names of the initializers that hold cos and sin of every position, each `[positions, headDim / 2]`. */
export interface RotaryNames {
  readonly cos: string;
  readonly sin: string;
}

/** Weights and tables of the graph that one recorder builds. */
export class GraphWeights {
  readonly #weights: Weights;
  readonly #stored = new Map<string, StoredWeight>();
  readonly #rotary = new Map<string, RotaryNames>();

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  /**
   * The initializer of a parameter, under the parameter's own name. It is stored in `layout` at its first use; a later
   * use gets it in whatever layout it has, so that a table shared by embedding and output head is stored once.
   *
   * @throws SlmError UNEXPECTED if `tensor` stands for no weight of the checkpoint, SHAPE_MISMATCH if the weight is not
   * float32 of the tensor's shape.
   */
  store(recorder: Recorder, tensor: Tensor, layout: WeightLayout): StoredWeight {
    const name = recorder.nameOf(tensor);
    const known = this.#stored.get(name);
    if (known !== undefined) return known;
    const weight = this.#weights.get(name);
    if (weight === undefined)
      throw new SlmError("UNEXPECTED", `export: '${name}' is used as a weight but is none`);
    const { data, shape } = weight;
    if (!(data instanceof Float32Array) || shape.join() !== tensor.shape.join()) {
      const expected = `float32[${tensor.shape.join(",")}]`;
      throw new SlmError(
        "SHAPE_MISMATCH",
        `export: weight '${name}' should be ${expected}, got ${weight.dtype}[${shape.join(",")}]`,
      );
    }
    if (layout === "as-stored") recorder.builder.initializer(name, "float32", shape, data);
    else {
      const [rows, columns] = shape as [number, number];
      recorder.builder.initializer(name, "float32", [columns, rows], transpose(data, rows, columns));
    }
    const stored = { name, layout };
    this.#stored.set(name, stored);
    return stored;
  }

  /** Rotary angles of positions 0 to `positions` - 1, stored once per size and base. */
  rotary(
    recorder: Recorder,
    {
      positions,
      headDim,
      base,
    }: { readonly positions: number; readonly headDim: number; readonly base: number },
  ): RotaryNames {
    const key = [positions, headDim, base].join();
    const known = this.#rotary.get(key);
    if (known !== undefined) return known;
    const { cos, sin, half } = rotaryTable(positions, headDim, base);
    const stem = this.#rotary.size === 0 ? "rotary" : `rotary.${this.#rotary.size}`;
    const names = {
      cos: recorder.builder.initializer(`${stem}.cos`, "float32", [positions, half], cos),
      sin: recorder.builder.initializer(`${stem}.sin`, "float32", [positions, half], sin),
    };
    this.#rotary.set(key, names);
    return names;
  }
}

/** `[rows, columns]` row major -> `[columns, rows]`. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column]!;
  }
  return turned;
}
