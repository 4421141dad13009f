/** Sections with curves, for a page about one or several runs. */
import type { ReportSection } from "../page.js";
import type { QuantityGroup } from "./quantities.js";
import type { ChartGroup, NamedLog } from "./run-charts.js";

interface CurveSection {
  readonly heading: string;
  readonly groups: readonly QuantityGroup[];
  readonly text?: string;
}

const SECTIONS: readonly CurveSection[] = [
  {
    heading: "Loss",
    groups: ["loss"],
    text:
      "The loss is the mean over the steps since the previous point. Its terms are those of a single step. " +
      "Bold lines are running means.",
  },
  { heading: "Dev split", groups: ["dev"] },
  { heading: "Training", groups: ["targets", "learningRate", "gradient", "throughput"] },
];

/** The sections in page order, without those that have no data. */
export async function curveSections(
  draw: (group: QuantityGroup) => Promise<ChartGroup>,
): Promise<readonly ReportSection[]> {
  const sections: ReportSection[] = [];
  for (const { heading, groups, text } of SECTIONS) {
    const drawn = await Promise.all(groups.map(draw));
    const omitted = drawn.flatMap((group) => group.omitted);
    const paragraphs = [text, omitted.length === 0 ? undefined : `Not drawn: ${omitted.join(", ")}.`];
    const svg = drawn.flatMap(({ charts }) => charts);
    if (svg.length === 0) continue;
    sections.push({ heading, text: paragraphs.filter((part) => part !== undefined).join("\n\n"), svg });
  }
  return sections;
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
