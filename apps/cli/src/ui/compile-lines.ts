/** The text output of `slm compile`. */
import type { CompileReport } from "@slm/runtime-native/compilation";
import { deviceNotes } from "@slm/runtime";
import type { VerifiedChip } from "@slm/slm/functions/compile";
import { formatBytes } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";

/** One line per chip and graph, then one paragraph per verified chip. */
export function compileLines(
  { plugin, chips }: CompileReport,
  verified: readonly VerifiedChip[],
): readonly string[] {
  return [
    `compiled by ${plugin}`,
    ...chips.flatMap(({ soc, title, generation, caution, graphs }) => [
      `${soc}  ${title}, ${generation}`,
      ...(caution === undefined ? [] : [`  caution: ${caution}`]),
      ...graphs.map(
        ({ graph, bytes, seconds }) =>
          `  ${graph}  ${formatBytes(bytes)}, compiled in ${seconds.toFixed(1)} s on this machine`,
      ),
    ]),
    ...verified.flatMap(verifiedLines),
  ];
}

function verifiedLines(chip: VerifiedChip): readonly string[] {
  const { soc, device, rows, equalAnswers, steps, maxAbs, minCosine, metrics, compiledAhead } = chip;
  return [
    ...deviceNotes(device),
    `${soc}${device.simulated ? ", simulated" : ""}: ${equalAnswers} of ${rows} greedy answers are the same as on the CPU; ` +
      `logits of ${steps} steps differ by at most ${maxAbs.toPrecision(3)}, smallest cosine ${minCosine.toFixed(6)}`,
    ...Object.entries(metrics).map(
      ([name, { cpu, device: own }]) =>
        `  ${name}  ${formatMetric(name, own)}; on the CPU ${formatMetric(name, cpu)}`,
    ),
    ...(compiledAhead ? [] : ["  some graphs were compiled when they were loaded, not ahead of time"]),
  ];
}
