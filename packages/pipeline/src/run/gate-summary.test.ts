import { expect, test } from "vitest";
import { gateSummary } from "./gate-summary.js";

const gate = {
  metric: "exactMatch",
  before: 0.98,
  higherIsBetter: true,
  after: 0.98,
  limit: 0.975,
  pass: true,
};
const checks = [
  { limit: "bytes<=1e6", value: 2_097_152, pass: false },
  { limit: "loadMs<=50", pass: false },
];
const figures = new Map([
  ["exactMatch", 0.98],
  ["bytes", 2_097_152],
  ["tokensPerSecond", 2400],
]);

test("a summary has the checks, and the figures of the run", () => {
  const lines = gateSummary({ run: "runs/dates", pass: false, gate, checks, figures }).split("\n");
  expect(lines[0]).toBe("## runs/dates: failed");
  expect(lines).toContain("| gate of the recipe: exactMatch, limit 97.5 % | 98 % | ok |");
  expect(lines).toContain("| bytes&lt;=1e6 | 2,097,152 | FAILED |");
  expect(lines).toContain("| loadMs&lt;=50 | not measured | FAILED |");
  expect(lines).toContain("| size of the bundle | 2.0 MiB |");
});

test("a summary with a base says how each figure changed", () => {
  const base = new Map([
    ["exactMatch", 0.96],
    ["bytes", 4_194_304],
  ]);
  const lines = gateSummary({ run: "runs/dates", pass: true, gate: null, checks: [], figures, base }).split(
    "\n",
  );
  expect(lines[0]).toBe("## runs/dates: passed");
  expect(lines).toContain("| exactMatch | 98 % | 96 % | +2 points |");
  expect(lines).toContain("| size of the bundle | 2.0 MiB | 4.0 MiB | -50.0 % |");
  expect(lines).toContain("| tokens/s, median | 2,400 |  |  |");
});
