/** A histogram of lengths as lines of text. */
import type { LengthBin } from "@slm/data";

/** Width of the longest bar [characters]. */
const BAR_WIDTH = 40;

/** One line per bin: its lengths, its count and a bar. Every bin that is not empty has a bar. */
export function histogramLines(bins: readonly LengthBin[]): readonly string[] {
  const first = bins.findIndex(({ count }) => count > 0);
  const shown = first < 0 ? [] : bins.slice(first);
  const names = shown.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  const most = Math.max(1, ...shown.map(({ count }) => count));
  const width = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));
  const [nameWidth, countWidth] = [width(names), width(shown.map(({ count }) => String(count)))];
  return shown.map(({ count }, index) => {
    const bar = "#".repeat(Math.ceil((BAR_WIDTH * count) / most));
    return `  ${names[index]!.padStart(nameWidth)}  ${String(count).padStart(countWidth)}  ${bar}`.trimEnd();
  });
}
