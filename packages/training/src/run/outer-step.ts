/**
 * The outer step of DiLoCo (Douillard et al. 2023, arXiv:2311.08105, algorithm 1): replicas train alone for many steps; then the mean of how
 * far they went is a gradient for the weights that all began with, applied with Nesterov momentum.
 *
 *   delta = mean over replicas of (start - end);  momentum = mu * momentum + delta;  start -= rate * (delta + mu * momentum)
 *
 * Moments of the inner optimizer stay with their replica.
 */
import { openSafetensors } from "@slm/checkpoints";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { readSealedTensors, sealedTensors } from "../state/sealed-tensors.js";
import { savedProgressOf } from "../state/training-state.js";

export interface OuterSettings {
  /** Outer learning rate. The paper's best: 0.7. */
  readonly learningRate: number;
  /** Nesterov momentum. The paper's best: 0.9. */
  readonly momentum: number;
}

/** Tensors of a state that are moments of its optimizer. */
const isMoment = (name: string): boolean => !name.endsWith(".value");

type Tensors = ReadonlyMap<string, HostTensor>;

export interface OuterStep {
  /** Weights that all replicas begin the next round with: a file. */
  readonly weights: Uint8Array;
  /** Momentum of the outer optimizer: a file. */
  readonly momentum: Uint8Array;
  /** Norm of `delta`. */
  readonly deltaNorm: number;
}

/**
 * Averages a round.
 *
 * @param start file with the weights that all replicas began with: a state or weights
 * @param momentum file with the momentum so far; undefined before the first round
 * @param ends files with the weights that each replica ended with
 * @throws SlmError DATA_INVALID for files whose tensors differ in names or sizes, or that hold no finite numbers
 */
export async function outerStep(
  {
    start,
    momentum,
    ends,
  }: { readonly start: string; readonly momentum?: string | undefined; readonly ends: readonly string[] },
  { learningRate, momentum: mu }: OuterSettings,
): Promise<OuterStep> {
  const before = weightsOf((await readSealedTensors(start)).tensors);
  const kept = momentum === undefined ? undefined : (await readSealedTensors(momentum)).tensors;
  // Sums in float64, replica by replica, so that memory holds one replica at a time.
  const deltas = new Map([...before].map(([name, { data }]) => [name, new Float64Array(data.length)]));
  for (const end of ends) addDelta(deltas, before, weightsOf((await readSealedTensors(end)).tensors), end);
  const weights = new Map<string, HostTensor>();
  const momenta = new Map<string, HostTensor>();
  let squares = 0;
  for (const [name, { shape, data }] of before) {
    const delta = deltas.get(name)!;
    const [next, velocity] = [new Float32Array(delta.length), new Float32Array(delta.length)];
    const last = kept?.get(name)?.data;
    for (let i = 0; i < delta.length; i++) {
      const mean = delta[i]! / ends.length;
      squares += mean * mean;
      velocity[i] = mu * Number(last?.[i] ?? 0) + mean;
      next[i] = Number(data[i]) - learningRate * (mean + mu * velocity[i]!);
    }
    weights.set(name, createHostTensor("float32", shape, next));
    momenta.set(name, createHostTensor("float32", shape, velocity));
  }
  const deltaNorm = Math.sqrt(squares);
  if (!Number.isFinite(deltaNorm))
    throw new SlmError("DATA_INVALID", `${ends.join(", ")}: a replica's weights are not finite numbers`);
  return { weights: sealedTensors(weights), momentum: sealedTensors(momenta), deltaNorm };
}

function addDelta(
  sums: ReadonlyMap<string, Float64Array>,
  before: Tensors,
  after: Tensors,
  file: string,
): void {
  if (after.size !== before.size)
    throw new SlmError("DATA_INVALID", `${file}: ${after.size} tensors, expected ${before.size}`);
  for (const [name, sum] of sums) {
    const end = after.get(name)?.data;
    if (end?.length !== sum.length)
      throw new SlmError(
        "DATA_INVALID",
        `${file}: '${name}' should hold ${sum.length} numbers, got ${end?.length ?? 0}`,
      );
    const start = before.get(name)!.data;
    for (let i = 0; i < sum.length; i++) sum[i]! += Number(start[i]) - Number(end[i]);
  }
}

const weightsOf = (tensors: Tensors): Tensors => new Map([...tensors].filter(([name]) => !isMoment(name)));

/** The parts of a saved state that a replica leaves: its weights, for the average, and its moments and progress, for itself. */
export async function splitState(
  file: string,
): Promise<{ readonly weights: Uint8Array; readonly moments: Uint8Array }> {
  const { tensors, metadata } = await readSealedTensors(file);
  const moments = new Map([...tensors].filter(([name]) => isMoment(name)));
  return {
    weights: sealedTensors(weightsOf(tensors)),
    moments: sealedTensors(moments, { ...metadata }),
  };
}

/**
 * The state that a replica goes on from: its own moments and progress, with the weights of all.
 *
 * @param moments file of {@link splitState}; its progress must be at `step`
 * @throws SlmError DATA_INVALID for moments of another step: they belong to another round
 */
export async function withGlobalWeights(moments: string, weights: string, step: number): Promise<Uint8Array> {
  const own = await readSealedTensors(moments);
  const progress = savedProgressOf(own.metadata, moments);
  if (progress.step !== step)
    throw new SlmError(
      "DATA_INVALID",
      `${moments}: a state of step ${progress.step}, expected one of step ${step}`,
    );
  const all = weightsOf((await readSealedTensors(weights)).tensors);
  return sealedTensors(new Map([...all, ...own.tensors]), { ...own.metadata });
}

/**
 * The state of a run after steps that were taken elsewhere: its own moments and measurements, with other weights.
 *
 * @throws SlmError DATA_INVALID for a file that is no state
 */
export async function stateAt(
  state: string,
  weights: string,
  { step, loss }: { readonly step: number; readonly loss?: number | undefined },
): Promise<Uint8Array> {
  const own = await readSealedTensors(state);
  const progress = { ...savedProgressOf(own.metadata, state), step, loss, recent: { loss: 0, count: 0 } };
  const all = weightsOf((await readSealedTensors(weights)).tensors);
  return sealedTensors(new Map([...own.tensors, ...all]), {
    ...own.metadata,
    progress: JSON.stringify(progress),
  });
}

/** Size of the weights in a state or weights file [bytes as float32]. */
export async function weightBytes(file: string): Promise<number> {
  const { entries, close } = await openSafetensors(file);
  await close();
  let numbers = 0;
  for (const [name, { shape }] of entries)
    if (!isMoment(name)) numbers += shape.reduce((size, axis) => size * axis, 1);
  return 4 * numbers;
}
