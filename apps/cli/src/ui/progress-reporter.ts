/**
 * Shows the progress of stages on stderr. A terminal gets one live line. Other outputs get a line when a stage starts and ends, and
 * in between at most one line per {@link PLAIN_INTERVAL_MS}.
 */
import type { ProgressUpdate } from "@slm/core";
import type { Reporter } from "./event-reporter.js";
import { formatCount, formatSeconds } from "@slm/core/format";
import { formatMetric, formatPercent } from "@slm/metrics/format";
import { printable } from "@slm/core/format";

const PLAIN_INTERVAL_MS = 15_000;
const LIVE_INTERVAL_MS = 100;
const CLEAR_LINE = "\r\u001B[2K";

export interface ProgressTarget {
  readonly isTty: boolean;
  /** Width of a terminal [characters]. */
  readonly columns: number;
  readonly write: (text: string) => void;
  /** Milliseconds of any monotonic clock. */
  readonly now: () => number;
}

/** Formats of figures that are not task metrics. Other figures are shown with their name and three digits. */
const FIGURES: ReadonlyMap<string, (value: number) => string> = new Map([
  ["tokensPerSecond", (value) => `${formatCount(value)} tokens/s`],
  ["rowsPerSecond", (value) => `${formatCount(value)} rows/s`],
  ["tokenError", (value) => `tokenError ${formatPercent(value)}`],
  ["accuracy", (value) => `accuracy ${formatPercent(value)}`],
]);

interface StageClock {
  readonly stage: string;
  readonly startedAt: number;
  /** Step and time at which the measurement of the rate starts. A resumed stage does not start at step zero. */
  readonly firstStep: number | undefined;
  readonly firstStepAt: number;
}

export class ProgressReporter implements Reporter {
  readonly #target: ProgressTarget;
  #clock: StageClock | undefined;
  #last: ProgressUpdate | undefined;
  #lastShownAt = Number.NEGATIVE_INFINITY;
  #isShown = true;
  /** Reports of the current stage so far. */
  #count = 0;

  constructor(target: ProgressTarget) {
    this.#target = target;
  }

  /** Receives an update and shows it now or later, unless a newer one replaces it. */
  update(update: ProgressUpdate): void {
    const now = this.#target.now();
    if (this.#clock?.stage !== update.stage) {
      this.finish();
      this.#clock = { stage: update.stage, startedAt: now, firstStep: undefined, firstStepAt: now };
      this.#lastShownAt = Number.NEGATIVE_INFINITY;
      this.#count = 0;
    }
    this.#count++;
    if (update.isNote === true) {
      this.#last ??= { stage: update.stage };
      this.note(describeUpdate(update));
      return;
    }
    if (
      update.step !== undefined &&
      (this.#clock.firstStep === undefined || startsAgain(update, this.#last))
    ) {
      this.#clock = { ...this.#clock, firstStep: update.step, firstStepAt: now };
    }
    // Figures remain until newer ones replace them. A message is shown only with its own update.
    const { step, total, metrics } = this.#last ?? update;
    this.#last = {
      step,
      total,
      ...update,
      metrics: { ...metrics, ...update.metrics },
    };
    this.#isShown = false;
    const interval = this.#target.isTty ? LIVE_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (now - this.#lastShownAt >= interval) this.#show(now);
  }

  /** Ends the current stage with its last report and duration. A stage whose only report was already printed gets no second line. */
  finish(): void {
    const clock = this.#clock;
    const last = this.#last;
    if (clock === undefined || last === undefined) return;
    const now = this.#target.now();
    const isTold = !this.#target.isTty && this.#isShown && this.#count === 1 && last.message !== undefined;
    if (!isTold) this.#showEnd(last, clock, now);
    this.#clock = undefined;
    this.#last = undefined;
    this.#isShown = true;
  }

  #showEnd(last: ProgressUpdate, clock: StageClock, now: number): void {
    const line = `${describeUpdate(last)}  took ${formatSeconds((now - clock.startedAt) / 1000)}`;
    this.#target.write(this.#target.isTty ? `${CLEAR_LINE}${line}\n` : `${line}\n`);
  }

  /** Writes a separate line, above the live line if there is one. */
  note(text: string): void {
    const line = printable(text);
    this.#target.write(this.#target.isTty ? `${CLEAR_LINE}${line}\n` : `${line}\n`);
    if (this.#target.isTty && !this.#isShown) this.#show(this.#target.now());
  }

  #show(now: number): void {
    if (this.#last === undefined || this.#clock === undefined) return;
    const eta = remainingSeconds(this.#last, this.#clock, now);
    const line = describeUpdate(this.#last) + (eta === undefined ? "" : `  eta ${formatSeconds(eta)}`);
    this.#target.write(
      this.#target.isTty ? CLEAR_LINE + line.slice(0, Math.max(20, this.#target.columns - 1)) : `${line}\n`,
    );
    this.#lastShownAt = now;
    this.#isShown = true;
  }
}

/** Whether a stage now counts something else. Its rate so far does not apply to the new count. */
function startsAgain({ step, total }: ProgressUpdate, last: ProgressUpdate | undefined): boolean {
  return step !== undefined && (step < (last?.step ?? 0) || total !== last?.total);
}

/** Formats an update: `distill  step 400/2000  loss 2.31  3.2k tokens/s`. */
export function describeUpdate(update: ProgressUpdate): string {
  const parts = [update.stage];
  if (update.step !== undefined)
    parts.push(`step ${update.step}${update.total === undefined ? "" : `/${update.total}`}`);
  for (const [name, value] of Object.entries(update.metrics ?? {})) {
    parts.push(FIGURES.get(name)?.(value) ?? `${name} ${formatMetric(name, value)}`);
  }
  if (update.message !== undefined) parts.push(update.message);
  return printable(parts.join("  "));
}

function remainingSeconds(
  { step, total }: ProgressUpdate,
  clock: StageClock,
  now: number,
): number | undefined {
  if (step === undefined || total === undefined || clock.firstStep === undefined) return undefined;
  const done = step - clock.firstStep;
  if (done <= 0 || step >= total) return undefined;
  return ((now - clock.firstStepAt) / 1000 / done) * (total - step);
}
