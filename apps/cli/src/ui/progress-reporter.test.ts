import { describe, expect, test } from "vitest";
import { formatBytes, formatCount, formatNumber, formatSeconds } from "@slm/core/format";
import { ProgressReporter, describeUpdate } from "./progress-reporter.js";

function reporterOf(isTty: boolean): {
  readonly reporter: ProgressReporter;
  readonly lines: string[];
  readonly clock: { ms: number };
} {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const reporter = new ProgressReporter({
    isTty,
    columns: 40,
    write: (text) => lines.push(text),
    now: () => clock.ms,
  });
  return { reporter, lines, clock };
}

describe(describeUpdate, () => {
  test("writes step, metrics with their units, and the message", () => {
    const metrics = { loss: 2.3149, wer: 0.4821, tokensPerSecond: 3210 };
    expect(describeUpdate({ stage: "distill", step: 400, total: 2000, metrics, message: "saving" })).toBe(
      "distill  step 400/2000  loss 2.31  wer 48.2 %  3.2k tokens/s  saving",
    );
  });
});

describe(ProgressReporter, () => {
  test("without a terminal shows the start, at most one line per 15 s, and the end", () => {
    const { reporter, lines, clock } = reporterOf(false);
    for (let step = 0; step <= 40; step++) {
      clock.ms = step * 1000;
      reporter.update({ stage: "distill", step, total: 40 });
    }
    reporter.finish();
    expect(lines).toEqual([
      "distill  step 0/40\n",
      "distill  step 15/40  eta 25s\n",
      "distill  step 30/40  eta 10s\n",
      "distill  step 40/40  took 40s\n",
    ]);
  });

  test("shows every note on a separate line, and then the live line again", () => {
    const { reporter, lines, clock } = reporterOf(false);
    const stage = "cache";
    reporter.update({ stage, message: "costs 2", isNote: true });
    clock.ms = 1000;
    reporter.update({ stage, message: "1 of 9" });
    reporter.update({ stage, message: "set aside", isNote: true });
    reporter.finish();
    expect(lines).toEqual([
      "cache  costs 2\n",
      "cache  1 of 9\n",
      "cache  set aside\n",
      "cache  1 of 9  took 1.0s\n",
    ]);
  });

  test("prints a stage with one report once", () => {
    const { reporter, lines } = reporterOf(false);
    reporter.update({ stage: "data", message: "up to date" });
    reporter.update({ stage: "tokenizer" });
    reporter.finish();
    expect(lines).toEqual(["data  up to date\n", "tokenizer\n", "tokenizer  took 0.0s\n"]);
  });

  test("measures the rate of a resumed stage from the step at which it resumed", () => {
    const { reporter, lines, clock } = reporterOf(false);
    reporter.update({ stage: "s", step: 900, total: 1000 });
    clock.ms = 20_000;
    reporter.update({ stage: "s", step: 950, total: 1000 });
    expect(lines.at(-1)).toBe("s  step 950/1000  eta 20s\n");
  });

  test("on a terminal rewrites one line, cut to its width, ten times a second at most", () => {
    const { reporter, lines, clock } = reporterOf(true);
    for (clock.ms = 0; clock.ms < 1000; clock.ms += 10)
      reporter.update({ stage: "s", message: "m".repeat(100) });
    expect(lines).toHaveLength(10);
    expect(lines.every((line) => line.startsWith("\r\u001B[2K") && !line.includes("\n"))).toBe(true);
    expect(lines[0]).toHaveLength("\r\u001B[2K".length + 39);
    reporter.finish();
    expect(lines.at(-1)).toMatch(/took 1\.0s\n$/);
  });

  test("keeps metrics that a later report does not repeat, within a stage only", () => {
    const { reporter, lines, clock } = reporterOf(false);
    reporter.update({ stage: "a", step: 1, metrics: { loss: 1 } });
    clock.ms = 16_000;
    reporter.update({ stage: "a", step: 2 });
    reporter.update({ stage: "b", step: 1 });
    expect(lines).toEqual([
      "a  step 1  loss 1\n",
      "a  step 2  loss 1\n",
      "a  step 2  loss 1  took 16s\n",
      "b  step 1\n",
    ]);
  });
});

test("numbers, counts, sizes and times are short", () => {
  expect([0.0012345, 2.3149, 48.26, 1234.5, 12, Number.NaN].map(formatNumber)).toEqual([
    "0.00123",
    "2.31",
    "48.3",
    "1235",
    "12",
    "NaN",
  ]);
  expect([950, 3210, 1_330_000, 2e9].map(formatCount)).toEqual(["950", "3.2k", "1.3M", "2.0G"]);
  expect([512, 1536, 3 * 1024 ** 3].map(formatBytes)).toEqual(["512 B", "1.5 KiB", "3.0 GiB"]);
  expect([0.41, 12.4, 80, 7500].map(formatSeconds)).toEqual(["0.4s", "12s", "1m 20s", "2h 05m"]);
});
