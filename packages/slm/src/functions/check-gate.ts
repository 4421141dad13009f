/** Checks a finished run against its recipe's gate and against limits. */
import { GateFailed, shellWord, SlmError } from "@slm/core/errors";
import {
  checkLimits,
  figuresOf,
  readRecipeGate,
  type LimitCheck,
  type RecipeGate,
} from "@slm/pipeline/run/gate";
import { appendFile } from "node:fs/promises";
import { writeFailure } from "@slm/core";
import { gateSummary } from "@slm/pipeline/run/gate-summary";
import { gateText } from "../runs/gate-text.js";

export interface GateReport {
  readonly run: string;
  readonly checks: readonly LimitCheck[];
  /** Result of the recipe's gate; null for a run without the stage `quantize`. */
  readonly gate: RecipeGate | null;
  readonly pass: boolean;
}

export interface CheckGateOptions {
  /** figure<=number or figure>=number. */
  readonly limits: readonly string[];
  /** File to append a Markdown summary to, also if a check fails. */
  readonly summary?: string | undefined;
  /** Run to compare the figures of the summary with. */
  readonly base?: string | undefined;
}

/** @throws GateFailed with the report if a check fails; SlmError USAGE if there is nothing to check; as `checkLimits` */
export async function checkGate(
  run: string,
  { limits, summary, base }: CheckGateOptions,
): Promise<GateReport> {
  const gate = await readRecipeGate(run);
  if (gate === null && limits.length === 0) {
    throw new SlmError(
      "USAGE",
      `${run}: the recipe has no quantize section and therefore no gate; expected --limit, got none`,
      { suggestions: [`slm gate ${shellWord(run)} --limit 'bytes<=2e6'`] },
    );
  }
  const checks = await checkLimits(run, limits);
  const report = { run, checks, gate, pass: (gate?.pass ?? true) && checks.every(({ pass }) => pass) };
  if (summary !== undefined) await appendSummary(summary, report, base);
  if (report.pass) return report;
  const failed = [
    ...(gate === null || gate.pass ? [] : [gateText(gate)]),
    ...checks.filter(({ pass }) => !pass).map(({ limit, value }) => `${limit}, got ${value ?? "nothing"}`),
  ];
  throw new GateFailed(`${run}: ${failed.join("; ")}`, report);
}

async function appendSummary(file: string, report: GateReport, baseRun: string | undefined): Promise<void> {
  const figures = await figuresOf(report.run);
  const base = baseRun === undefined ? undefined : await figuresOf(baseRun);
  try {
    await appendFile(file, gateSummary({ ...report, figures, base }));
  } catch (error) {
    throw writeFailure(error, file, "the summary was not written");
  }
}
