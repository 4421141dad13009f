import { describe, expect, test } from "vitest";
import { parseRunLog } from "./run-log.js";
import { parseSamples } from "./samples.js";
import { summarizeRun } from "./summary.js";
import { trainingPage } from "./training-page.js";

const log = parseRunLog(
  [
    { step: 20, loss: 3, forwardKl: 2, hiddenMatch: 40, learningRate: 0.001, gradientNorm: 2 },
    { step: 20, "dev.wer": 0.5, "dev.exactMatch": 0.5 },
    { step: 40, loss: 0.2, forwardKl: 0.1, hiddenMatch: 9, tokensPerSecond: 900, "targets.student": 0.25 },
    { step: 40, "dev.wer": 0.75, "dev.exactMatch": 0.25 },
  ]
    .map((record) => `${JSON.stringify(record)}\n`)
    .join(""),
);

const titlesOf = (html: string): readonly string[] =>
  [...html.matchAll(/aria-label="Line chart: ([^;]*);/g)].map(([, title]) => title!);

describe(trainingPage, () => {
  test("answers first: verdict, headline, wrong answers, models; then curves under one heading", async () => {
    const samples = parseSamples('{"source":"a","target":"A","prediction":"B"}\n');
    const html = await trainingPage({
      title: "t",
      log,
      samples,
      verdict: "Good enough.",
      headline: [{ label: "wer", value: "5 %" }],
      results: [{ heading: "Models" }],
    });
    const places = [
      "Good enough.",
      ">5 %<",
      "✗ wrong",
      ">Models<",
      ">Training curves<",
      ">Training figures<",
    ];
    const found = places.map((text) => html.indexOf(text));
    expect(found.every((at) => at > 0)).toBe(true);
    expect(found).toEqual([...found].sort((a, b) => a - b));
    const headings = [...html.matchAll(/<h2>([^<]*)/g)].map(([, heading]) => heading);
    expect(new Set(headings).size).toBe(headings.length);
  });

  test("tells of lines that could not be read", async () => {
    const broken = parseRunLog('nonsense\n{"step":1,"loss":1}\n{"step":2,"loss":');
    const html = await trainingPage({ title: "t", log: broken });
    expect(html).toContain("1 lines of the log could not be read");
  });

  test("says why a run stopped early", async () => {
    const text = '{"step":40,"loss":1}\n{"step":40,"note":"early stopping"}\n{"step":48,"loss":1,"note":7}\n';
    const html = await trainingPage({ title: "t", log: parseRunLog(text) });
    expect(html).toContain("<dd>48 steps; early stopping</dd>");
  });

  test("of a run that has logged nothing says so", async () => {
    expect(await trainingPage({ title: "t", log: parseRunLog("") })).toContain("The log is empty.");
  });

  test("draws each dev metric, the loss with its terms, and the course of the training", async () => {
    expect(titlesOf(await trainingPage({ title: "t", log }))).toEqual([
      "Errors on the dev split",
      "Scores on the dev split",
      "Loss",
      "Loss term: hidden match",
      "Targets by origin",
      "Learning rate",
      "Gradient norm",
      "Throughput",
    ]);
  });

  test("says where each quantity ended and how good it got, in its unit", async () => {
    const html = await trainingPage({ title: "t", log });
    const row = (...cells: readonly string[]): string =>
      cells.map((cell, place) => `<td class="${place === 0 ? "left" : "right"}">${cell}</td>`).join("");
    expect(html).toContain(row("word error rate [%]", "75.00", "50.00", "20"));
    expect(html).toContain(row("exact match [%]", "25.00", "50.00", "20"));
    expect(html).toContain(row("loss [nats per token]", "0.2000", "0.2000", "40"));
    expect(html).toContain(row("hidden match", "9", "", ""));
  });

  test("shows markup in keys, settings and title as text, and keeps to a readable number of charts", async () => {
    const keys = Array.from({ length: 60 }, (_, index) => [`<script>${index}`, index + 1] as const);
    const text = `${JSON.stringify({ step: 1, ...Object.fromEntries(keys) })}\n`;
    const html = await trainingPage({
      title: "<script>",
      log: parseRunLog(text),
      settings: { "<script>": "<script>" },
    });
    expect(html).not.toContain("<script");
    expect(titlesOf(html)).toHaveLength(24);
    expect(html).toContain("Not drawn: ");
  });
});

describe(summarizeRun, () => {
  test("finds the last value of all, and the first best one in the direction of the metric", () => {
    expect(summarizeRun(log)).toMatchObject({
      steps: 40,
      final: { loss: 0.2, "dev.wer": 0.75, hiddenMatch: 9, learningRate: 0.001 },
      best: {
        loss: { value: 0.2, step: 40 },
        "dev.wer": { value: 0.5, step: 20 },
        "dev.exactMatch": { value: 0.5, step: 20 },
      },
    });
    expect(Object.keys(summarizeRun(log).best)).toHaveLength(3);
  });
});
