/** Name, shape and initialization of a weight. */

export type Initialization =
  | { readonly kind: "ones" }
  | { readonly kind: "zeros" }
  | { readonly kind: "normal"; readonly std: number }
  | Sinusoids;

/** Rows of sines and cosines by position. */
export interface Sinusoids {
  readonly kind: "sinusoids";
  readonly spacing: "half" | "half-minus-one";
  /** Number of the first row's position. */
  readonly first: number;
}

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialization: Initialization;
}

const ones: Initialization = { kind: "ones" };
export const zeros: Initialization = { kind: "zeros" };
export const normal = (std: number): Initialization => ({ kind: "normal", std });

/** Factor on the last linear layer of each residual branch, which keeps the stream's variance near 1 at depth (measured on the g2p task). */
export const RESIDUAL_SCALE = 0.4;

/** A linear layer's weight `[outputs, inputs]`, and its bias if it has one. */
export function linearSpecs(
  name: string,
  [outputs, inputs]: readonly [outputs: number, inputs: number],
  { bias, scale = 1 }: { readonly bias: boolean; readonly scale?: number },
): ParameterSpec[] {
  const weight = {
    name: `${name}.weight`,
    shape: [outputs, inputs],
    initialization: normal(scale / Math.sqrt(inputs)),
  };
  return bias ? [weight, { name: `${name}.bias`, shape: [outputs], initialization: zeros }] : [weight];
}

/** The gain of a norm. */
export function normSpec(name: string, width: number): ParameterSpec {
  return { name: `${name}.weight`, shape: [width], initialization: ones };
}

/** Gain and bias of a layer norm. */
export function layerNormSpecs(name: string, width: number): ParameterSpec[] {
  return [normSpec(name, width), { name: `${name}.bias`, shape: [width], initialization: zeros }];
}
