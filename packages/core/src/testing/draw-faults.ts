import { FAULT_KINDS, type Fault } from "./fault-proxy.js";

/** `count` faults, all kinds in turn, at places that the seed decides: as many among the headers as in a body of `bytes`. */
export function drawFaults(count: number, seed: number, bytes: number): readonly Fault[] {
  let state = seed >>> 0;
  // Source: Numerical Recipes, the "quick and dirty" generator of 32 bits.
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: count }, (_, index) => ({
    kind: FAULT_KINDS[index % FAULT_KINDS.length]!,
    at: next(2) === 0 ? next(300) : next(300 + bytes),
  }));
}
