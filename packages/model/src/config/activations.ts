/** Activations of the feed-forward block. */
import { erfGelu, gelu, quickGelu, relu, silu } from "@slm/tensor";

export const ACTIVATION_NAMES = [
  "gelu",
  "erf-gelu",
  "quick-gelu",
  "relu",
  "silu",
  "swiglu",
  "geglu",
  "erf-geglu",
  "quick-geglu",
  "reglu",
] as const;
export type ActivationName = (typeof ACTIVATION_NAMES)[number];

/** The function of each activation, and whether it gates: down(f(gate(x)) · up(x)) instead of down(f(up(x))). */
export const ACTIVATIONS = {
  gelu: { activate: gelu, isGated: false },
  "erf-gelu": { activate: erfGelu, isGated: false },
  "quick-gelu": { activate: quickGelu, isGated: false },
  relu: { activate: relu, isGated: false },
  silu: { activate: silu, isGated: false },
  swiglu: { activate: silu, isGated: true },
  geglu: { activate: gelu, isGated: true },
  "erf-geglu": { activate: erfGelu, isGated: true },
  "quick-geglu": { activate: quickGelu, isGated: true },
  reglu: { activate: relu, isGated: true },
} as const satisfies Readonly<Record<ActivationName, object>>;
