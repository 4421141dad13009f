/** Serves Prometheus metrics of the queue (from BullMQ), workers and runs. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostFilter, SlmError } from "@slm/core";
import type { Queue } from "bullmq";
import { Counter, Gauge, Registry } from "prom-client";
import type { RunBoard } from "./run-board.js";

/** Address for metrics. */
export interface MetricsAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

interface Sources {
  readonly queue: Pick<Queue, "exportPrometheusMetrics">;
  readonly board: Pick<RunBoard, "workers" | "runs">;
}

/** One number of every worker or run. */
interface Metric<Line> {
  readonly name: string;
  readonly kind: typeof Gauge | typeof Counter;
  readonly help: string;
  readonly of: (line: Line) => number;
}

type Workers = Awaited<ReturnType<RunBoard["workers"]>>;
type Runs = Awaited<ReturnType<RunBoard["runs"]>>;

const OF_WORKERS: readonly Metric<Workers[number]>[] = [
  {
    name: "slm_worker_active_jobs",
    kind: Gauge,
    help: "Current jobs of a worker",
    of: ({ active }) => active.length,
  },
  {
    name: "slm_worker_done_jobs_total",
    kind: Counter,
    help: "Finished jobs of a worker",
    of: ({ done }) => done,
  },
  {
    name: "slm_worker_failed_jobs_total",
    kind: Counter,
    help: "Failed attempts on a worker",
    of: ({ failed }) => failed,
  },
  {
    name: "slm_worker_units_total",
    kind: Counter,
    help: "Tokens, rows or steps of finished jobs",
    of: ({ units }) => units,
  },
  {
    name: "slm_worker_busy_seconds_total",
    kind: Counter,
    help: "Time spent on finished jobs",
    of: ({ busySeconds }) => busySeconds,
  },
];

const OF_RUNS: readonly Metric<Runs[number]>[] = [
  { name: "slm_run_units_done", kind: Gauge, help: "Finished units of a run", of: ({ done }) => done },
  { name: "slm_run_units_planned", kind: Gauge, help: "Total units of a run", of: ({ total }) => total },
];

/** The text for Prometheus. The board contains totals, so a new registry is created for each response. */
async function metricsText({ queue, board }: Sources): Promise<string> {
  const [ofQueue, workers, runs] = await Promise.all([
    queue.exportPrometheusMetrics(),
    board.workers(),
    board.runs(),
  ]);
  const registry = new Registry();
  register(registry, OF_WORKERS, { label: "worker", lines: workers, nameOf: ({ id }) => id });
  register(registry, OF_RUNS, { label: "run", lines: runs, nameOf: ({ run }) => run });
  return `${ofQueue}\n${await registry.metrics()}`;
}

function register<Line>(
  registry: Registry,
  metrics: readonly Metric<Line>[],
  {
    label,
    lines,
    nameOf,
  }: {
    readonly label: string;
    readonly lines: readonly Line[];
    readonly nameOf: (line: Line) => string;
  },
): void {
  for (const { name, kind, help, of } of metrics) {
    const metric = new kind({ name, help, labelNames: [label], registers: [registry] });
    for (const line of lines) metric.inc({ [label]: nameOf(line) }, of(line));
  }
}

/**
 * Serves `/metrics`. On a loopback address, requests must use a host name of this machine.
 *
 * @throws SlmError BUSY if the port is in use or the address does not belong to this machine
 */
export async function serveMetrics(
  at: MetricsAddress | undefined,
  sources: Sources,
): Promise<{ readonly url: string; readonly close: () => Promise<void> } | undefined> {
  if (at === undefined) return undefined;
  const { host, port } = at;
  const isAllowedHost = hostFilter(host, undefined);
  const server = createServer((request, response) => {
    if (!isAllowedHost(request.headers.host)) {
      response.writeHead(403).end();
      return;
    }
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    metricsText(sources).then(
      (text) => response.writeHead(200, { "content-type": Registry.PROMETHEUS_CONTENT_TYPE }).end(text),
      () => response.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new SlmError("BUSY", `cannot serve metrics on ${host}:${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
