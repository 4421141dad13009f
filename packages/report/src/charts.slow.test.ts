import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { barChart } from "./bar-chart.js";
import { lineChart } from "./line-chart.js";
import { checkSvg } from "./safe-svg.test-support.js";

const HOSTILE = `</text><script>alert("1")</script><img src=x onerror='1'>&amp;`;

const line = { title: "Loss", xLabel: "step", yLabel: "loss [nats]" };

describe(lineChart, () => {
  test("shows title, axis titles with units and one legend entry per series", async () => {
    const svg = await lineChart({
      ...line,
      series: [
        {
          name: "student",
          points: [
            [0, 2],
            [1, 1],
          ],
        },
        {
          name: "baseline",
          points: [
            [0, 3],
            [1, 2],
          ],
        },
      ],
    });
    for (const text of ["Loss", "step", "loss [nats]", "student", "baseline"])
      expect(svg).toContain(`>${text}</text>`);
    expect(svg.match(/role-legend-label/g)).toHaveLength(2);
  });

  test("draws a running mean in front of a long noisy series, and names the series once", async () => {
    const noisy = ["a", "b"].map((name) => {
      return { name, points: Array.from({ length: 200 }, (_, x) => [x, Math.sin(x * x)] as const) };
    });
    const lines = (svg: string): number => (svg.match(/<path aria-label|<path d="M[^"]*L/g) ?? []).length;
    const plain = await lineChart({ ...line, series: noisy });
    const smooth = await lineChart({ ...line, series: noisy, smooth: true });
    expect(lines(smooth) - lines(plain)).toBe(2);
    expect(smooth.match(/role-legend-label/g)).toHaveLength(2);
  });

  test("stays small for a long run", async () => {
    const points = Array.from({ length: 100_000 }, (_, x) => [x, Math.sin(x)] as const);
    const svg = await lineChart({ ...line, series: [{ name: "run", points }] });
    expect(svg.length).toBeLessThan(40_000);
  });

  test("describes each series for screen readers", async () => {
    const points = [30, 10, 20].map((x) => [x, x / 4] as const);
    const svg = await lineChart({ ...line, series: [{ name: "a <b>", points }] });
    expect(svg).toContain('role="img" aria-label="Line chart: Loss; loss [nats] over step; a &lt;b&gt;"');
    expect(svg).toContain("<desc>a &lt;b&gt;: 2.5 at 10, 7.5 at 30, between 2.5 and 7.5</desc>");
  });

  test("escapes every name it is given", async () => {
    const svg = await lineChart({
      title: HOSTILE,
      xLabel: HOSTILE,
      yLabel: HOSTILE,
      series: [
        { name: HOSTILE, points: [[0, 1]] },
        { name: "b", points: [[0, 1]] },
      ],
    });
    expect(svg).not.toMatch(/<script|<img/);
    expect(checkSvg(svg)).toBe(svg);
  });

  test.each([
    ["no points", { series: [] }, /at least one point/],
    [
      "a number that is not finite",
      { series: [{ name: "a", points: [[0, Number.NaN]] as const }] },
      /not finite/,
    ],
    [
      "zero on a logarithmic axis",
      { logY: true, series: [{ name: "a", points: [[0, 0]] as const }] },
      /y > 0/,
    ],
    [
      "two series of one name",
      {
        series: [
          { name: "a", points: [[0, 1]] as const },
          { name: "a", points: [] },
        ],
      },
      /share/,
    ],
  ])("rejects %s", async (_, chart, message) => {
    await expect(lineChart({ ...line, ...chart })).rejects.toThrow(message);
  });
});

describe(barChart, () => {
  const bar = { title: "Size", yLabel: "size [MB]" };

  test("writes each value at its bar, with a legend when groups hold several bars", async () => {
    const svg = await barChart({
      ...bar,
      groups: [
        {
          name: "student",
          bars: [
            { label: "p50", value: 12.34 },
            { label: "p95", value: 1234.5 },
          ],
        },
        {
          name: "baseline",
          bars: [
            { label: "p50", value: 0.01234 },
            { label: "p95", value: 5 },
          ],
        },
      ],
    });
    for (const text of ["12.3", "1,230", "0.0123", "5", "student", "baseline", "size [MB]"]) {
      expect(svg).toContain(`>${text}</text>`);
    }
    expect(svg.match(/role-legend-label/g)).toHaveLength(2);
  });

  test("draws only shapes and text, whatever the names and values", async () => {
    const text = fc.string({ maxLength: 30, unit: fc.constantFrom(...Array.from("<>&\"'/ =abc{}[]()#")) });
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        text,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        async (title, a, b, value) => {
          const svg = await barChart({
            title,
            yLabel: a,
            groups: [{ name: b, bars: [{ label: a, value }] }],
          });
          expect(checkSvg(svg)).toBe(svg);
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each([
    ["no bars", [], /at least one bar/],
    ["a value that is not finite", [{ name: "g", bars: [{ label: "a", value: Infinity }] }], /finite/],
    [
      "two groups of one name",
      [
        { name: "g", bars: [{ label: "a", value: 1 }] },
        { name: "g", bars: [] },
      ],
      /share/,
    ],
    [
      "two bars of one label",
      [
        {
          name: "g",
          bars: [
            { label: "a", value: 1 },
            { label: "a", value: 1 },
          ],
        },
      ],
      /share/,
    ],
  ])("rejects %s", async (_, groups, message) => {
    await expect(barChart({ ...bar, groups })).rejects.toThrow(message);
  });
});
