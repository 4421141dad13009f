import { describe, expect, test } from "vitest";
import { RESULT, STUDENT } from "./figures.test-support.js";
import { benchJunit } from "./junit.js";
import { compareResults } from "../results/regression.js";

describe(benchJunit, () => {
  test("has one passing test per model, with names as text", () => {
    const xml = benchJunit({ ...RESULT, notes: ["a < b\u0000"] });
    expect(xml).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites tests="2" failures="0"/);
    expect(xml).toContain('classname="&lt;b&gt;base&lt;/b&gt;" name="measured"');
    expect(xml).toContain("<system-out>a &lt; b\uFFFD</system-out>");
    expect(xml).not.toContain("<failure");
  });

  test("fails the figures that regressed, and only those", () => {
    const slower = { ...RESULT, models: [{ ...STUDENT, loadMs: 30, loadsMs: [30, 31, 29] }] };
    const xml = benchJunit({ ...slower, regression: compareResults(slower, RESULT, 0.05) });
    expect(xml).toContain('<testsuite name="slm bench" tests="8" failures="1"');
    expect(xml.match(/<failure /g)).toHaveLength(1);
    expect(xml).toMatch(
      /name="loadMs"[^]*<failure type="regression" message="student: load \[ms\] 12\.00 -&gt; 30\.00/,
    );
  });
});
