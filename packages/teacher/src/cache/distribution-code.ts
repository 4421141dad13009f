/**
 * Encodes a truncated distribution in a few bits per token.
 *
 *   step    5 bits            step index of the compander
 *   values  4 bits            Rice parameter of the values
 *   ids     5 bits            Rice parameter of the gaps; omitted if the whole vocabulary is kept
 *   base    width bits        lowest code of the kept tokens; width fits the step's largest code
 *   tail    width bits        code of the tail's mass; omitted if the whole vocabulary is kept
 *   gaps    k Rice codes      first id, then each id's distance from the previous one, less one; omitted likewise
 *   codes   k Rice codes      code of each kept token, less the base
 *
 * Ids ascend because a set costs log2(k!) bits less than a list (214 bits at k = 50); gaps of random sets are geometric, for
 * which Rice codes are within one percent of the optimum. The reader normalizes kept and tail masses to a sum of 1.
 */
import { SlmError } from "@slm/core";
import { bestRice, bitWidth, type BitReader, type BitWriter } from "./bits.js";
import { codeOf, largestCode, massesOf, STEP_BITS, STEP_COUNT, stepFor } from "./compander.js";
import type { TopTokens } from "./top-tokens.js";

/** Target for the KL divergence that rounding adds to a position, if the bit budget allows it [nats]. */
const AIM = 2e-5;

const VALUE_RICE_BITS = 4;
const GAP_RICE_BITS = 5;

export interface DistributionShape {
  readonly vocabularySize: number;
  /** Kept tokens per position, at most the vocabulary size. */
  readonly k: number;
}

/** Codes of a distribution for one step. */
interface Quantized {
  readonly step: number;
  readonly base: number;
  /** Code of the tail; 0 if there is none. */
  readonly tail: number;
  /** Code of each kept token, less the base. */
  readonly codes: Int32Array;
  /** KL(exact || decoded) over the kept tokens and the tail as one outcome [nats]. */
  readonly kl: number;
}

/**
 * Writes a distribution with the coarsest step that meets the target, in at most `budget` bits if any step fits.
 *
 * @returns KL(exact || decoded) over the kept tokens and the tail as one outcome [nats].
 */
export function writeDistribution(
  writer: BitWriter,
  top: TopTokens,
  { vocabularySize, k }: DistributionShape,
  budget: number,
): number {
  const isWhole = k >= vocabularySize;
  const gaps = isWhole ? undefined : top.ids.map((id, i) => (i === 0 ? id : id - top.ids[i - 1]! - 1));
  const idWidth = bitWidth(vocabularySize - 1);
  const gapRice = gaps === undefined ? undefined : bestRice(gaps, 2 ** GAP_RICE_BITS - 1, idWidth);
  const idBits = gapRice === undefined ? 0 : GAP_RICE_BITS + gapRice.bits;
  const chosen = choose(top, isWhole, budget - idBits);
  const { width, rice } = lengthOf(chosen, isWhole);
  writer.write(chosen.step, STEP_BITS);
  writer.write(rice, VALUE_RICE_BITS);
  if (gapRice !== undefined) writer.write(gapRice.rice, GAP_RICE_BITS);
  writer.write(chosen.base, width);
  if (gapRice !== undefined) writer.write(chosen.tail, width);
  for (const gap of gaps ?? []) writer.writeRice(gap, gapRice!.rice, idWidth);
  for (const code of chosen.codes) writer.writeRice(code, rice, width);
  return chosen.kl;
}

/** The coarsest step that meets {@link AIM}, or a coarser one if that needs more than `budget` bits. */
function choose(top: TopTokens, isWhole: boolean, budget: number): Quantized {
  const roots = top.logProbabilities.map((value) => Math.exp(value / 2));
  const at = (step: number): Quantized => quantize(top, roots, isWhole, step);
  let chosen = at(stepFor(AIM, roots.length + 1));
  while (chosen.kl > AIM && chosen.step < STEP_COUNT - 1) chosen = at(chosen.step + 1);
  while (chosen.step > 0) {
    const coarser = at(chosen.step - 1);
    if (coarser.kl > AIM) break;
    chosen = coarser;
  }
  while (chosen.step > 0 && lengthOf(chosen, isWhole).bits > budget) chosen = at(chosen.step - 1);
  return chosen;
}

/** @param roots square roots of the kept tokens' probabilities */
function quantize(top: TopTokens, roots: Float64Array, isWhole: boolean, step: number): Quantized {
  const { mass, log } = massesOf(step);
  const { logProbabilities, tail: exactTail } = top;
  const codes = new Int32Array(roots.length);
  const tail = isWhole ? 0 : codeOf(Math.sqrt(exactTail), step);
  let base = Infinity;
  let total = isWhole ? 0 : mass[tail]!;
  let kl = exactTail === 0 ? 0 : exactTail * (Math.log(exactTail) - log[tail]!);
  for (let i = 0; i < codes.length; i++) {
    const root = roots[i]!;
    const code = codeOf(root, step);
    codes[i] = code;
    if (code < base) base = code;
    total += mass[code]!;
    kl += root * root * (logProbabilities[i]! - log[code]!);
  }
  for (let i = 0; i < codes.length; i++) codes[i]! -= base;
  return { step, base, tail, codes, kl: Math.max(0, kl + Math.log(total)) };
}

/** The Rice parameter with the fewest bits, and the number of bits without the ids. */
function lengthOf(
  { step, codes }: Quantized,
  isWhole: boolean,
): { readonly width: number; readonly rice: number; readonly bits: number } {
  const width = bitWidth(largestCode(step));
  const { rice, bits } = bestRice(codes, 2 ** VALUE_RICE_BITS - 1, width);
  return { width, rice, bits: STEP_BITS + VALUE_RICE_BITS + (isWhole ? 1 : 2) * width + bits };
}

/**
 * Decodes a distribution into a row of log-probabilities. All tokens that were not kept have an equal share of the tail.
 *
 * @throws SlmError DATA_INVALID for bits that {@link writeDistribution} cannot have written.
 */
export function readDistribution(
  reader: BitReader,
  row: Float32Array,
  { vocabularySize, k }: DistributionShape,
): void {
  const isWhole = k >= vocabularySize;
  const step = reader.read(STEP_BITS);
  const valueRice = reader.read(VALUE_RICE_BITS);
  const gapRice = isWhole ? 0 : reader.read(GAP_RICE_BITS);
  const largest = largestCode(step);
  const width = bitWidth(largest);
  const base = reader.read(width);
  const { mass, log } = massesOf(step);
  const tailCode = isWhole ? 0 : codeIn(reader.read(width), largest);
  const ids = isWhole ? undefined : readIds(reader, k, vocabularySize, gapRice);
  const codes = new Int32Array(k);
  let total = isWhole ? 0 : mass[tailCode]!;
  for (let i = 0; i < k; i++) {
    const code = codeIn(base + reader.readRice(valueRice, width), largest);
    codes[i] = code;
    total += mass[code]!;
  }
  const normalizer = Math.log(total);
  if (!isWhole) row.fill(log[tailCode]! - Math.log(vocabularySize - k) - normalizer);
  for (let i = 0; i < k; i++) row[ids === undefined ? i : ids[i]!] = log[codes[i]!]! - normalizer;
}

function codeIn(code: number, largest: number): number {
  if (code <= largest) return code;
  throw new SlmError("DATA_INVALID", `a code is ${code}, expected at most ${largest}`);
}

function readIds(reader: BitReader, k: number, vocabularySize: number, rice: number): Int32Array {
  const width = bitWidth(vocabularySize - 1);
  const ids = new Int32Array(k);
  let id = -1;
  for (let i = 0; i < k; i++) {
    id += 1 + reader.readRice(rice, width);
    if (id >= vocabularySize)
      throw new SlmError(
        "DATA_INVALID",
        `a token id is ${id}, but the vocabulary has ${vocabularySize} tokens`,
      );
    ids[i] = id;
  }
  return ids;
}
