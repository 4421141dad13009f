/** Counters, gauges and histograms in Prometheus' text format. Source: Prometheus "Exposition formats", version 0.0.4. */

/** Upper bounds of latencies [s]. */
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Upper bounds of rows per step. */
const ROW_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #total = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at !== -1) this.#counts[at]!++;
    this.#sum += value;
    this.#total++;
  }

  lines(name: string, help: string): readonly string[] {
    let sum = 0;
    const buckets = this.#bounds.map(
      (bound, at) => `${name}_bucket{le="${bound}"} ${(sum += this.#counts[at]!)}`,
    );
    return [
      ...header(name, help, "histogram"),
      ...buckets,
      `${name}_bucket{le="+Inf"} ${this.#total}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#total}`,
    ];
  }
}

export interface Gauges {
  readonly waiting: number;
  readonly active: number;
}

export class ServerMetrics {
  readonly #requests = new Map<string, number>();
  readonly #firstToken = new Histogram(LATENCY_BOUNDS);
  readonly #request = new Histogram(LATENCY_BOUNDS);
  readonly #wait = new Histogram(LATENCY_BOUNDS);
  readonly #rows = new Histogram(ROW_BOUNDS);
  #sourceTokens = 0;
  #tokens = 0;
  #reloads = 0;
  #drafted = 0;
  #accepted = 0;

  /** `route` is a path of the route table, not the client's text. */
  onResponse(route: string, status: number): void {
    const key = `route="${route}",status="${status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }

  onAnswer(answer: {
    readonly sourceTokens: number;
    readonly tokens: number;
    readonly waitedMs: number;
    readonly firstTokenMs: number;
    readonly totalMs: number;
  }): void {
    this.#sourceTokens += answer.sourceTokens;
    this.#tokens += answer.tokens;
    this.#wait.observe(answer.waitedMs / 1000);
    this.#firstToken.observe(answer.firstTokenMs / 1000);
    this.#request.observe(answer.totalMs / 1000);
  }

  onStep(rows: number): void {
    this.#rows.observe(rows);
  }

  onDrafts(drafted: number, accepted: number): void {
    this.#drafted += drafted;
    this.#accepted += accepted;
  }

  onReload(): void {
    this.#reloads++;
  }

  text({ waiting, active }: Gauges): string {
    const requests = [...this.#requests].map(
      ([labels, count]) => `slm_http_requests_total{${labels}} ${count}`,
    );
    const single = (
      name: string,
      help: string,
      type: "counter" | "gauge",
      value: number,
    ): readonly string[] => [...header(name, help, type), `${name} ${value}`];
    const lines = [
      ...header("slm_http_requests_total", "Answered requests.", "counter"),
      ...requests,
      ...single("slm_source_tokens_total", "Tokens read.", "counter", this.#sourceTokens),
      ...single("slm_generated_tokens_total", "Tokens generated.", "counter", this.#tokens),
      ...single("slm_draft_tokens_total", "Tokens drafted and verified.", "counter", this.#drafted),
      ...single("slm_accepted_draft_tokens_total", "Drafted tokens that held.", "counter", this.#accepted),
      ...single("slm_bundle_reloads_total", "Bundles loaded after the first.", "counter", this.#reloads),
      ...single("slm_waiting_requests", "Requests in the queue.", "gauge", waiting),
      ...single("slm_active_rows", "Rows of the batch in use.", "gauge", active),
      ...single("process_resident_memory_bytes", "Resident memory.", "gauge", process.memoryUsage.rss()),
      ...this.#wait.lines("slm_queue_seconds", "Time in the queue."),
      ...this.#firstToken.lines("slm_first_token_seconds", "From the request to its first token."),
      ...this.#request.lines("slm_request_seconds", "From the request to the end of its answer."),
      ...this.#rows.lines("slm_step_rows", "Rows in use per decoder step."),
    ];
    return `${lines.join("\n")}\n`;
  }
}

function header(name: string, help: string, type: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}
