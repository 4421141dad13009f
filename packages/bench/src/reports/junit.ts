/** A benchmark as JUnit XML, which CI systems show as tests. */
import type { BenchResult, ModelFigures } from "../results/bench-result.js";
import { deviceLines } from "./bench-tables.js";
import { regressionLines } from "../results/regression.js";
import type { Regression } from "../results/regression-result.js";

interface Case {
  readonly model: string;
  readonly name: string;
  /** [s] */
  readonly seconds: number;
  readonly output: string;
  readonly failure?: string | undefined;
}

/**
 * One test per model, and with an earlier benchmark one per model and figure, which fails where it regressed. Notes are the
 * suite's output.
 *
 * Source: the Jenkins xUnit schema, junit-10.xsd.
 */
export function benchJunit(result: BenchResult): string {
  const cases = [...result.models.map(measured), ...changes(result.regression)];
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  const properties = deviceLines(result).map(
    (line, at) => `    <property name="device.${at}" value="${xml(line)}"/>`,
  );
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="0" time="${seconds.toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts.replace(' skipped="0"', "")}>`,
    `  <testsuite name="slm bench" ${counts}>`,
    "    <properties>",
    ...properties.map((line) => `  ${line}`),
    "    </properties>",
    ...cases.map(caseXml),
    `    <system-out>${xml([...result.notes, ...(result.regression?.notes ?? [])].join("\n"))}</system-out>`,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function measured({
  name,
  firstTokenMs,
  tokensPerSecond,
  totalMs,
  peakRssBytes,
  samples,
}: ModelFigures): Case {
  const seconds = samples.reduce((sum, sample) => sum + sample.totalMs, 0) / 1000;
  const output =
    `first token p50 ${firstTokenMs.p50} ms, decode p50 ${tokensPerSecond.p50} tokens/s, total p50 ${totalMs.p50} ms, ` +
    `peak memory ${peakRssBytes} bytes`;
  return { model: name, name: "measured", seconds, output };
}

function changes(regression: Regression | undefined): readonly Case[] {
  if (regression === undefined) return [];
  return regression.changes.map((change): Case => {
    const { model, figure, before, now, worseBy } = change;
    const output = `before ${before}, now ${now}, worse by ${(100 * worseBy).toFixed(1)} %`;
    const [failure] = regressionLines({ ...regression, changes: [change] });
    return { model, name: figure, seconds: 0, output, failure };
  });
}

function caseXml({ model, name, seconds, output, failure }: Case): string {
  const failed =
    failure === undefined
      ? []
      : [`      <failure type="regression" message="${xml(failure)}">${xml(failure)}</failure>`];
  return [
    `    <testcase classname="${xml(model)}" name="${xml(name)}" time="${seconds.toFixed(3)}">`,
    ...failed,
    `      <system-out>${xml(output)}</system-out>`,
    "    </testcase>",
  ].join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

/** Escapes text for XML 1.0. Characters that XML cannot represent become U+FFFD. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replace(/[&<>"\n]/g, (character) => ENTITIES[character]!);
}
