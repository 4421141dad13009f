/** The list of runs in `slm report --watch`. For a run that cannot be read, its row says why. */
import { readRunLog, reportPage, summarizeRun, type TableCell } from "@slm/report";
import { formatGrouped } from "@slm/pipeline/format/format";
import { formatMetric } from "@slm/pipeline/format/metric-format";
import type { WatchedRun } from "./watched-runs.js";

/** Interval at which a browser reloads the page [s]. */
export const RENEW_SECONDS = 5;
/** Number of dev metrics that the list shows. */
const SHOWN_METRICS = 3;
const DEV = "dev.";

/** Address of a run: its place in the list sorted by path, which new results do not change. */
export function addressOf(run: WatchedRun, runs: readonly WatchedRun[]): string {
  const sorted = runs.map(({ root }) => root).sort();
  const name = encodeURIComponent(run.name).replaceAll(/[!'()*]/gu, percentEncoded);
  return `/run/${sorted.indexOf(run.root)}-${name}`;
}

/** `%28` for `(`. */
const percentEncoded = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** The page with all runs, which the browser reloads. */
export async function listPage(runs: readonly WatchedRun[]): Promise<string> {
  const rows = await Promise.all(runs.map((run) => rowOrProblem(run, addressOf(run, runs))));
  const left = (title: string): { title: string; align: "left"; wrap: boolean } => ({
    title,
    align: "left",
    wrap: true,
  });
  const right = (title: string): { title: string; align: "right" } => ({ title, align: "right" });
  return reportPage({
    title: "Runs",
    subtitle: `${runs.length} runs, ${runs.filter(({ state }) => state === "running").length} running; updates every ${RENEW_SECONDS} seconds.`,
    sections: [
      rows.length === 0
        ? { heading: "Runs", text: "No run has a log yet." }
        : {
            heading: "Runs",
            table: {
              columns: [
                left("run"),
                left("state"),
                right("step"),
                right("loss"),
                left("dev split"),
                left("changed"),
              ],
              rows,
            },
          },
    ],
  });
}

/** The row of a run, or the reason why the run cannot be read. */
async function rowOrProblem(run: WatchedRun, address: string): Promise<readonly TableCell[]> {
  try {
    if (run.problem !== undefined) throw run.problem;
    return await rowOf(run, address);
  } catch (error) {
    return [
      { text: run.name, to: address },
      { text: `cannot be read: ${messageOf(error)}`, tone: "bad" },
      "",
      "",
      "",
      changed(run),
    ];
  }
}

async function rowOf(run: WatchedRun, address: string): Promise<readonly TableCell[]> {
  const { final, steps } = summarizeRun(await readRunLog(run.training.metricsFile));
  const metrics = Object.entries(final)
    .filter(([key]) => key.startsWith(DEV))
    .slice(0, SHOWN_METRICS)
    .map(([key, value]) => `${key.slice(DEV.length)} ${formatMetric(key.slice(DEV.length), value)}`);
  const stage = run.training.directory.slice(run.root.length + 1).replace(/\.partial$/u, "");
  return [
    { text: run.name, to: address },
    {
      text: [run.state, stage].filter((part) => part !== "").join(", "),
      tone: run.state === "stopped" ? "bad" : "good",
    },
    formatGrouped(steps),
    final.loss === undefined ? "" : formatGrouped(final.loss),
    metrics.join(", "),
    changed(run),
  ];
}

/** When a run last changed. A file system can store times that `Date` cannot represent. */
function changed({ changedAt }: WatchedRun): string {
  const date = new Date(changedAt);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 19).replace("T", " ");
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
