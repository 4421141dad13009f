/** Generates a teacher's targets for any number of sources. Sources of similar length are decoded together. */
import { throwIfInterrupted } from "@slm/core";
import type { Decoded, Strategy } from "@slm/generation";
import { sharedPositions } from "@slm/training";
import type { Teacher } from "./teacher.js";

/** Default number of sources per batch. */
const BATCH_ROWS = 64;
/** Source lengths of the programs, as fractions of the teacher's limit. */
const LENGTH_SHARES = [0.25, 0.5, 0.75, 1];

interface DecodeRequest {
  readonly teacher: Teacher;
  /** Tokens of each source, at most the teacher's limit. */
  readonly sources: readonly Int32Array[];
  readonly strategy: Strategy;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Sources per batch. Default: 64. */
  readonly rows?: number | undefined;
}

/** One result per source, in the order of the sources. @throws SlmError INTERRUPTED between batches */
export async function decodeSources({
  teacher,
  sources,
  strategy,
  random,
  signal,
  rows = BATCH_ROWS,
}: DecodeRequest): Promise<readonly Decoded[]> {
  const { maxSource, maxTarget } = teacher.config;
  const places = sources
    .map((_, place) => place)
    .sort((a, b) => sources[a]!.length - sources[b]!.length || a - b);
  const results = new Array<Decoded>(sources.length);
  const shared = sharedPositions(sources);
  for (let begin = 0; begin < places.length; begin += rows) {
    throwIfInterrupted(signal, "teacher");
    const batch = places.slice(begin, begin + rows);
    const longest = sources[batch.at(-1)!]!.length;
    const share = LENGTH_SHARES.find((candidate) => longest <= Math.ceil(candidate * maxSource)) ?? 1;
    const shape = { batch: rows, source: Math.ceil(share * maxSource), target: maxTarget, shared };
    const decoded = await teacher.decode(
      batch.map((place) => sources[place]!),
      shape,
      strategy,
      random,
    );
    batch.forEach((place, row) => {
      results[place] = decoded[row]!;
    });
  }
  return results;
}
