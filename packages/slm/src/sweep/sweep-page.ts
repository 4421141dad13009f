/** The page of a sweep: its best settings, a table of all trials, and their curves. */
import { lineChart, reportPage, type TableCell } from "@slm/report";
import type { DistillConfig } from "@slm/distillation";
import type { SweepOutcome } from "./run-sweep.js";
import type { Trial } from "./space.js";

/** Number of trials in a chart. More curves would be indistinguishable. */
const CHARTED = 12;

/** @returns HTML */
export async function sweepPage(
  title: string,
  trials: readonly Trial[],
  { rungs, measured, best }: SweepOutcome,
  metrics: DistillConfig["metrics"],
): Promise<string> {
  const keys = Object.keys(trials[0]!.settings);
  const short = (key: string): string => key.replace(/^distill\./u, "");
  const steps = rungs.map((rung) => rung.steps);
  const [metric] = metrics;
  const of = (trial: number): typeof measured => measured.filter((one) => one.trial === trial);
  const lastOf = (trial: number): number => of(trial).at(-1)?.steps ?? 0;
  const order = [...trials].sort(
    (a, b) =>
      Number(b.number === best.trial) - Number(a.number === best.trial) ||
      lastOf(b.number) - lastOf(a.number) ||
      a.number - b.number,
  );
  const rows = order.map(({ number, settings }): TableCell[] => {
    const results = of(number);
    const last = results.at(-1);
    const isBest = number === best.trial;
    const cells = [...keys.map((key) => settings[key]!), String(last?.steps ?? 0)];
    const values = metrics.map((name) => (last?.failure === null ? format(last.metrics[name]) : "diverged"));
    return [`${number}${isBest ? ", best" : ""}`, ...cells, ...values].map((text) =>
      isBest ? { text, tone: "best" } : text,
    );
  });
  const curves = order
    .map(({ number }) => ({
      name: `trial ${number}`,
      points: of(number).flatMap(({ steps: at, metrics: values, failure }) =>
        failure === null && values[metric] !== undefined ? [[at, values[metric]] as const] : [],
      ),
    }))
    .filter(({ points }) => points.length > 0)
    .slice(0, CHARTED);
  const svg = await lineChart({
    title: `${metric} on the dev rows`,
    xLabel: "steps",
    yLabel: metric,
    ...(steps.length > 1 ? { logX: true } : {}),
    series: curves,
  });
  const { settings } = trials.find(({ number }) => number === best.trial)!;
  const saved = measuredSteps(measured);
  const all = trials.length * steps.at(-1)!;
  return reportPage({
    title,
    subtitle: `${trials.length} settings; ${rungs.map((rung) => `${rung.trials} for ${rung.steps} steps`).join(", then ")}`,
    headline: [
      { label: metric, value: format(best.metrics[metric]), note: `trial ${best.trial}` },
      ...keys.map((key) => ({ label: short(key), value: settings[key]! })),
      { label: "steps trained", value: String(saved), note: `of ${all} without early stopping` },
    ],
    sections: [
      {
        heading: "Curves of the trials",
        text: curves.length < trials.length ? `The ${curves.length} that trained longest.` : undefined,
        svg,
      },
      {
        heading: "All trials",
        table: {
          columns: [
            { title: "trial", align: "left" },
            ...keys.map((key) => ({ title: short(key), align: "right" as const })),
            { title: "steps", align: "right" },
            ...metrics.map((name) => ({ title: name, align: "right" as const })),
          ],
          rows,
        },
      },
    ],
  });
}

const format = (value: number | undefined): string =>
  value === undefined ? "–" : String(Number(value.toPrecision(4)));

/** Number of steps of all trials together. */
export function measuredSteps(measured: SweepOutcome["measured"]): number {
  const last = new Map<number, number>();
  for (const { trial, steps } of measured) last.set(trial, Math.max(steps, last.get(trial) ?? 0));
  return [...last.values()].reduce((sum, steps) => sum + steps, 0);
}
