/** Metrics of the server for Prometheus. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Upper bounds of latencies [s]. */
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Upper bounds of rows per step. */
const ROW_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

interface Load {
  readonly waiting: number;
  readonly active: number;
}

export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: "slm_http_requests_total",
    help: "Answered requests.",
    labelNames: ["route", "status"] as const,
    registers: [this.#registry],
  });
  readonly #sourceTokens = this.#counter("slm_source_tokens_total", "Tokens read.");
  readonly #tokens = this.#counter("slm_generated_tokens_total", "Tokens generated.");
  readonly #reloads = this.#counter("slm_bundle_reloads_total", "Reloads of the bundle.");
  readonly #waiting = this.#gauge("slm_waiting_requests", "Requests in the queue.");
  readonly #active = this.#gauge("slm_active_rows", "Rows of the batch in use.");
  readonly #memory = this.#gauge("process_resident_memory_bytes", "Resident memory.");
  readonly #wait = this.#histogram("slm_queue_seconds", "Time in the queue.", LATENCY_BOUNDS);
  readonly #firstToken = this.#histogram(
    "slm_first_token_seconds",
    "From the request to its first token.",
    LATENCY_BOUNDS,
  );
  readonly #request = this.#histogram(
    "slm_request_seconds",
    "From the request to the end of its answer.",
    LATENCY_BOUNDS,
  );
  readonly #rows = this.#histogram("slm_step_rows", "Rows in use per decoder step.", ROW_BOUNDS);

  /** Content type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** `route` is a path of the route table, not the client's text. */
  onResponse(route: string, status: number): void {
    this.#requests.inc({ route, status });
  }

  onAnswer(answer: {
    readonly sourceTokens: number;
    readonly tokens: number;
    readonly waitedMs: number;
    readonly firstTokenMs: number;
    readonly totalMs: number;
  }): void {
    this.#sourceTokens.inc(answer.sourceTokens);
    this.#tokens.inc(answer.tokens);
    this.#wait.observe(answer.waitedMs / 1000);
    this.#firstToken.observe(answer.firstTokenMs / 1000);
    this.#request.observe(answer.totalMs / 1000);
  }

  onStep(rows: number): void {
    this.#rows.observe(rows);
  }

  onReload(): void {
    this.#reloads.inc();
  }

  /** All metrics in Prometheus' text format. */
  text({ waiting, active }: Load): Promise<string> {
    this.#waiting.set(waiting);
    this.#active.set(active);
    this.#memory.set(process.memoryUsage.rss());
    return this.#registry.metrics();
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.#registry] });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }
}
