/** Checks ONNX models against the rules of a device. */
import { analyzePath, type PathAnalysis } from "@slm/analysis";
import { GateFailed, SlmError } from "@slm/core/errors";
import { TARGETS, type ProfileName, type Target } from "@slm/devices";
import { exportedTarget } from "@slm/models/open";
import { parseSizes } from "@slm/models/parse-sizes";

export interface AnalyzeOptions {
  /** Default: the target of an exported model. */
  readonly target?: Target | undefined;
  readonly profile?: ProfileName | undefined;
  /** Shapes of inputs (`x=1,3,48,320`) and sizes of dynamic axes (`batch=1`). */
  readonly shapes: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Checks an ONNX file or a directory of ONNX files.
 *
 * @throws SlmError USAGE if the target is not known; INPUT_MISSING, DATA_INVALID
 */
export async function analyze(path: string, options: AnalyzeOptions): Promise<PathAnalysis> {
  const exported = await exportedTarget(path);
  const target = options.target ?? exported?.target;
  if (target === undefined) {
    throw new SlmError(
      "USAGE",
      `analyze: ${path} has no model.json that names its target: expected --target`,
      {
        suggestions: TARGETS.map((name) => `--target ${name}`),
      },
    );
  }
  const profile = options.profile ?? (target === exported?.target ? exported.profile : undefined);
  const sizes = options.shapes.map(parseSizes);
  return analyzePath(path, { target, profile, sizes, signal: options.signal, isOwn: exported !== undefined });
}

/** @throws GateFailed with the analysis and the first advice, if the device does not support the model as it is */
export function requireSupported(analysis: PathAnalysis): void {
  if (analysis.supported !== false) return;
  const { error } = analysis.summary.findings;
  const first = analysis.findings.find(({ severity }) => severity === "error");
  throw new GateFailed(
    `${analysis.model} is not supported by ${analysis.device}: ${error} ${error === 1 ? "error" : "errors"}, ` +
      `the first: ${first?.message ?? "none listed"}`,
    analysis,
    [...(first === undefined ? [] : [first.advice]), ...fixingCommand(analysis)],
  );
}

/** A command with sizes for all dynamic axes, if a file has some. */
function fixingCommand({ model, target, profile, graphs }: PathAnalysis): readonly string[] {
  const flags = [...new Set(graphs.flatMap(({ openSizes }) => openSizes))];
  if (flags.length === 0) return [];
  return [`slm analyze ${model} --target ${target} --profile ${profile} ${flags.join(" ")}`];
}
