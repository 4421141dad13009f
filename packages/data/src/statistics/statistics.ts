/** Collects lengths and symbols of rows. */

export interface LengthSummary {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface TextStatistics {
  /** Characters of sources. */
  readonly sourceLengths: LengthSummary;
  /** Whitespace-separated tokens of targets. */
  readonly targetLengths: LengthSummary;
  /** Distinct characters in the sources. */
  readonly sourceSymbols: number;
  /** Distinct tokens in the targets. */
  readonly targetSymbols: number;
}

/** Number of characters (Unicode code points) of a source. */
export function sourceUnits(source: string): readonly string[] {
  return Array.from(source);
}

/** Whitespace-separated tokens of a target. */
export function targetUnits(target: string): readonly string[] {
  return target.split(/\p{White_Space}+/u).filter((token) => token !== "");
}

/** Counts lengths. Memory grows with the number of distinct lengths. */
export class LengthCounter {
  readonly #times = new Map<number, number>();
  #sum = 0;

  add(length: number): void {
    this.#times.set(length, (this.#times.get(length) ?? 0) + 1);
    this.#sum += length;
  }

  /** Sum of all lengths. */
  get sum(): number {
    return this.#sum;
  }

  summary(): LengthSummary {
    return summarize(this.#times);
  }

  /**
   * Histogram of the lengths: bins of equal width up to the 95th percentile, and one bin for longer ones. Empty without lengths.
   */
  histogram(): readonly LengthBin[] {
    const lengths = [...this.#times.keys()].sort((a, b) => a - b);
    const [shortest, longest] = [lengths[0], lengths.at(-1)];
    if (shortest === undefined || longest === undefined) return [];
    const { p95 } = this.summary();
    const width = roundWidth((p95 - shortest + 1) / MAX_BINS);
    const start = Math.floor(shortest / width) * width;
    const count = Math.floor((p95 - start) / width) + 1;
    const bins = Array.from({ length: count }, (_, index) => ({
      from: start + index * width,
      to: start + (index + 1) * width - 1,
      count: 0,
    }));
    const tail = { from: start + count * width, to: longest, count: 0 };
    for (const [length, times] of this.#times)
      (bins[Math.floor((length - start) / width)] ?? tail).count += times;
    return tail.count === 0 ? bins : [...bins, tail];
  }
}

/** Approximate number of bins up to the 95th percentile. */
const MAX_BINS = 12;

/** The next larger width of 1, 2 or 5 times a power of ten. */
function roundWidth(width: number): number {
  const power = 10 ** Math.max(0, Math.floor(Math.log10(width)));
  return power * (WIDTHS.find((factor) => factor * power >= width) ?? 10);
}

const WIDTHS = [1, 2, 5];

/** Lengths in an inclusive range. */
export interface LengthBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Collects {@link TextStatistics}. Memory grows with the number of distinct lengths and symbols, not with the rows. */
export class StatisticsCounter {
  readonly sourceLengths = new LengthCounter();
  readonly targetLengths = new LengthCounter();
  readonly #sourceSymbols = new Set<string>();
  readonly #targetSymbols = new Set<string>();

  add(source: string, target: string): void {
    record(sourceUnits(source), this.sourceLengths, this.#sourceSymbols);
    record(targetUnits(target), this.targetLengths, this.#targetSymbols);
  }

  summary(): TextStatistics {
    return {
      sourceLengths: this.sourceLengths.summary(),
      targetLengths: this.targetLengths.summary(),
      sourceSymbols: this.#sourceSymbols.size,
      targetSymbols: this.#targetSymbols.size,
    };
  }
}

function record(units: readonly string[], lengths: LengthCounter, symbols: Set<string>): void {
  lengths.add(units.length);
  for (const unit of units) symbols.add(unit);
}

/** Nearest-rank percentiles of a histogram; all zero if it is empty. */
function summarize(histogram: ReadonlyMap<number, number>): LengthSummary {
  const sorted = [...histogram].sort(([left], [right]) => left - right);
  const total = sorted.reduce((sum, [, times]) => sum + times, 0);
  const percentile = (share: number): number => {
    let seen = 0;
    for (const [length, times] of sorted) {
      seen += times;
      if (seen >= share * total) return length;
    }
    return 0;
  };
  return { p50: percentile(0.5), p95: percentile(0.95), max: sorted.at(-1)?.[0] ?? 0 };
}
