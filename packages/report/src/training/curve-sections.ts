/** The section with curves, for a page about one or several runs. */
import type { ReportSection } from "../page.js";
import type { QuantityGroup } from "./quantities.js";
import type { ChartGroup, NamedLog } from "./run-charts.js";

/** In page order. */
const GROUPS: readonly QuantityGroup[] = ["dev", "loss", "targets", "learningRate", "gradient", "throughput"];

const EXPLANATION =
  "The loss is the mean over the steps since the previous point. Its terms are those of a single step. Bold lines are running means.";

/** One section with all curves, whose charts have titles of their own; none without data. */
export async function curveSections(
  draw: (group: QuantityGroup) => Promise<ChartGroup>,
): Promise<readonly ReportSection[]> {
  const drawn = await Promise.all(GROUPS.map(draw));
  const svg = drawn.flatMap(({ charts }) => charts);
  if (svg.length === 0) return [];
  const omitted = drawn.flatMap((group) => group.omitted);
  const notDrawn = omitted.length === 0 ? [] : [`Not drawn: ${omitted.join(", ")}.`];
  return [{ heading: "Training curves", text: [EXPLANATION, ...notDrawn].join("\n\n"), svg }];
}

/** A section about unreadable lines; empty if all lines were read. */
export function warnings(logs: readonly NamedLog[]): readonly ReportSection[] {
  const sentences = logs
    .filter(({ log }) => log.unreadable > 0)
    .map(
      ({ name, log }) => `${name}: ${log.unreadable} lines of the log could not be read and were skipped.`,
    );
  return sentences.length === 0 ? [] : [{ heading: "Warnings", text: sentences.join("\n\n") }];
}
