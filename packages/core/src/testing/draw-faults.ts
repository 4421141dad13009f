import { FAULT_KINDS, type Fault } from "./fault-proxy.js";

/** `count` faults of all kinds in turn, at positions chosen by the seed: half of them in the headers, half in a body of `bytes`. */
export function drawFaults(count: number, seed: number, bytes: number): readonly Fault[] {
  let state = seed >>> 0;
  // Source: Numerical Recipes, the "quick and dirty" 32-bit generator.
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: count }, (_, index) => ({
    kind: FAULT_KINDS[index % FAULT_KINDS.length]!,
    at: next(2) === 0 ? next(300) : next(300 + bytes),
  }));
}
