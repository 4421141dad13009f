/** Lengths and symbols of rows, counted one row at a time. */

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
  /** Different characters in the sources. */
  readonly sourceSymbols: number;
  /** Different tokens in the targets. */
  readonly targetSymbols: number;
}

/** Characters (Unicode code points) of a source. */
export function sourceUnits(source: string): readonly string[] {
  return Array.from(source);
}

/** Whitespace-separated tokens of a target. */
export function targetUnits(target: string): readonly string[] {
  return target.split(/\p{White_Space}+/u).filter((token) => token !== "");
}

/** Collects {@link TextStatistics}. Memory grows with the different lengths and symbols, not with the rows. */
export class StatisticsCounter {
  readonly #sourceLengths = new Map<number, number>();
  readonly #targetLengths = new Map<number, number>();
  readonly #sourceSymbols = new Set<string>();
  readonly #targetSymbols = new Set<string>();

  add(source: string, target: string): void {
    record(sourceUnits(source), this.#sourceLengths, this.#sourceSymbols);
    record(targetUnits(target), this.#targetLengths, this.#targetSymbols);
  }

  summary(): TextStatistics {
    return {
      sourceLengths: summarize(this.#sourceLengths),
      targetLengths: summarize(this.#targetLengths),
      sourceSymbols: this.#sourceSymbols.size,
      targetSymbols: this.#targetSymbols.size,
    };
  }
}

function record(units: readonly string[], lengths: Map<number, number>, symbols: Set<string>): void {
  lengths.set(units.length, (lengths.get(units.length) ?? 0) + 1);
  for (const unit of units) symbols.add(unit);
}

/** Nearest-rank percentiles of a histogram; all zero where nothing was counted. */
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
