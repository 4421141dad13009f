/** Sections of a weights file: what each one contains, before the weights are read. */
import type { Rotation } from "@slm/tensor";
import type { BiasSpec, MatrixSpec, RelativeSpec } from "./nodes.js";

/** float32, int8 with one scale for each output, or int4 with one scale for each 32 inputs of an output. */
export const WEIGHT_FORMS = ["float32", "int8", "int4"] as const;
export type WeightForm = (typeof WEIGHT_FORMS)[number];

/** Constants that a program reads. Tables of positions have `positions` rows. */
export type Section =
  | {
      readonly kind: "matrix";
      readonly matrix: MatrixSpec;
      readonly outputs: number;
      readonly inputs: number;
    }
  | { readonly kind: "bias"; readonly matrix: MatrixSpec; readonly bias: BiasSpec; readonly outputs: number }
  | { readonly kind: "vector"; readonly name: string }
  | {
      readonly kind: "rotary";
      readonly part: "cos" | "sin";
      readonly rotation: Rotation;
      readonly headDim: number;
      readonly positions: number;
    }
  | {
      readonly kind: "relative";
      readonly relative: RelativeSpec;
      readonly heads: number;
      readonly reach: number;
    };

/** Collects sections; equal ones are stored once. */
export class Sections {
  readonly all: Section[] = [];
  readonly #known = new Map<string, number>();

  /** @returns the section's index */
  add(section: Section): number {
    const key = JSON.stringify(section);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, this.all.length);
    this.all.push(section);
    return this.all.length - 1;
  }
}
