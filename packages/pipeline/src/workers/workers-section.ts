/** The section of a report with the work of each worker. */
import type { Manifest } from "@slm/core";
import type { ReportSection } from "@slm/report";
import type { WorkerShare } from "@slm/extension-workers";
import { z } from "zod";
import { formatGrouped, formatNumber, formatSeconds } from "@slm/core/format";

const shares = z.array(
  z.strictObject({
    worker: z.string(),
    device: z.string(),
    threads: z.number(),
    jobs: z.number(),
    units: z.number(),
    seconds: z.number(),
  }),
);

/** A section with a row per worker; none for a run without workers. */
function workersSection(workers: readonly WorkerShare[]): readonly ReportSection[] {
  if (workers.length === 0) return [];
  const columns = [
    { title: "worker", align: "left" },
    { title: "device", align: "left", wrap: true },
    { title: "threads", align: "right" },
    { title: "jobs", align: "right" },
    { title: "units", align: "right" },
    { title: "busy", align: "right" },
    { title: "units/s", align: "right" },
  ] as const;
  const rows = workers.map(({ worker, device, threads, jobs, units, seconds }) => [
    worker,
    device,
    String(threads),
    String(jobs),
    formatGrouped(units),
    formatSeconds(seconds),
    seconds === 0 ? "" : formatNumber(units / seconds),
  ]);
  const heading = "Workers: cache";
  const text = "Units are tokens of a cache, and rows of labels.";
  return [{ heading, text, table: { columns, rows } }];
}

/** The sections of a run's finished stages. */
export function workersOfStages(
  manifests: Readonly<Partial<Record<string, Manifest>>>,
): readonly ReportSection[] {
  const found = shares.safeParse(manifests["cache"]?.details["workers"]);
  return found.success ? workersSection(found.data) : [];
}
