/** `probe.json`: the result of a probe, kept with the student. */
import { metricName } from "@slm/metrics";
import { z } from "zod";
import { ARM_NAMES } from "./probe-arms.js";
import type { ProbeResult } from "./probe-choice.js";

export const PROBE_FILE = "probe.json";

const interval = z.strictObject({ value: z.number(), low: z.number(), high: z.number() });

const arm = z.strictObject({
  name: z.enum(ARM_NAMES),
  fraction: z.number(),
  seconds: z.number(),
  metric: interval,
  gain: interval.optional(),
});

export const probeResultSchema: z.ZodType<ProbeResult> = z.strictObject({
  metric: metricName,
  rows: z.number(),
  steps: z.number(),
  teacher: interval.optional(),
  arms: z.array(arm),
  chosen: arm.pick({ name: true, fraction: true }),
  reason: z.string(),
});
