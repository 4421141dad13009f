/** Metrics for Prometheus: BullMQ's own of the queue, and gauges of the workers. */
import { createServer } from "node:http";
import { SlmError } from "@slm/core";
import type { Queue } from "bullmq";
import type { RunBoard } from "./run-board.js";

/** Content type of Prometheus's text format. Source: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4. */
const TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8";

interface Sources {
  readonly queue: Queue;
  readonly board: RunBoard;
}

/** One metric of every worker or run. */
interface Gauge<Line> {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly of: (line: Line) => number;
}

type Workers = Awaited<ReturnType<RunBoard["workers"]>>;
type Runs = Awaited<ReturnType<RunBoard["runs"]>>;

const WORKER_GAUGES: readonly Gauge<Workers[number]>[] = [
  {
    name: "slm_worker_active_jobs",
    type: "gauge",
    help: "Jobs that a worker works on",
    of: ({ active }) => active.length,
  },
  {
    name: "slm_worker_done_jobs_total",
    type: "counter",
    help: "Jobs that a worker finished",
    of: ({ done }) => done,
  },
  {
    name: "slm_worker_failed_jobs_total",
    type: "counter",
    help: "Tries that failed on a worker",
    of: ({ failed }) => failed,
  },
  {
    name: "slm_worker_units_total",
    type: "counter",
    help: "Tokens, rows or steps of finished jobs",
    of: ({ units }) => units,
  },
  {
    name: "slm_worker_busy_seconds_total",
    type: "counter",
    help: "Time spent on finished jobs",
    of: ({ busySeconds }) => busySeconds,
  },
];

const RUN_GAUGES: readonly Gauge<Runs[number]>[] = [
  { name: "slm_run_units_done", type: "gauge", help: "Units of a run that are done", of: ({ done }) => done },
  { name: "slm_run_units_planned", type: "gauge", help: "Units of a run in total", of: ({ total }) => total },
];

/** The text that Prometheus reads. */
async function metricsText({ queue, board }: Sources): Promise<string> {
  const [ofQueue, workers, runs] = await Promise.all([
    queue.exportPrometheusMetrics(),
    board.workers(),
    board.runs(),
  ]);
  return [
    ofQueue,
    ...WORKER_GAUGES.flatMap((gauge) => sampleLines(gauge, "worker", workers, ({ id }) => id)),
    ...RUN_GAUGES.flatMap((gauge) => sampleLines(gauge, "run", runs, ({ run }) => run)),
    "",
  ].join("\n");
}

function sampleLines<Line>(
  { name, type, help, of }: Gauge<Line>,
  label: string,
  lines: readonly Line[],
  nameOf: (line: Line) => string,
): readonly string[] {
  const samples = lines.map((line) => `${name}{${label}=${JSON.stringify(nameOf(line))}} ${of(line)}`);
  return samples.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples];
}

/** Serves `/metrics`. @throws SlmError BUSY if the port is taken */
export async function serveMetrics(
  port: number | undefined,
  sources: Sources,
): Promise<{ readonly address: string; readonly close: () => Promise<void> } | undefined> {
  if (port === undefined) return undefined;
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    metricsText(sources).then(
      (text) => response.writeHead(200, { "content-type": TEXT_FORMAT }).end(text),
      () => response.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new SlmError("BUSY", `cannot serve metrics on port ${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, resolve);
  });
  const bound = server.address();
  const at = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    address: `localhost:${at}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
