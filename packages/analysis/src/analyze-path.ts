/** Analyses a model file, or every graph of a model directory, for one profile. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { storedPath, throwIfInterrupted, SlmError } from "@slm/core";
import type { ProfileName, Target } from "@slm/devices";
import { readOutline, symbolsOf, type FixedSizes, type ModelOutline } from "@slm/onnx";
import {
  analyzeModel,
  operatorRow,
  sortRows,
  worse,
  STATIC_CHECK,
  type AnalysisSummary,
  type AnalyzeOptions,
  type ModelDescription,
  type OperatorCount,
} from "./analyze-model.js";
import type { Finding } from "./graph/finding.js";
import { profileOf } from "./profiles/profiles.js";
import type { Profile, Source } from "./profiles/profile.js";

export interface AnalyzePathOptions extends AnalyzeOptions {
  /** Whether slm exported the graphs. Default: false. */
  readonly isOwn?: boolean;
  readonly signal?: AbortSignal;
}

/** One graph of the model. */
interface GraphAnalysis extends ModelDescription {
  /** The ONNX file, relative to the analysed directory. */
  readonly file: string;
  readonly supported: boolean | null;
  readonly summary: AnalysisSummary;
}

export interface PathAnalysis {
  /** False if a graph has an error. Null: none has one, but nothing has confirmed rules for the device. */
  readonly supported: boolean | null;
  readonly profile: ProfileName;
  readonly target: Target;
  /** The display name of the device. */
  readonly device: string;
  readonly method: typeof STATIC_CHECK;
  /** Sources of the rules. */
  readonly sources: readonly Source[];
  /** The program, with version, that confirmed the rules. Null: none did, so there are no rules of this device. */
  readonly confirmedBy: string | null;
  /** How to ask the device itself, if nothing has confirmed rules for it; otherwise null. */
  readonly confirmWith: string | null;
  /** Whether slm exported the graphs. */
  readonly isOwn: boolean;
  /** The given path. */
  readonly model: string;
  readonly findings: readonly (Finding & { readonly graph: string })[];
  /** Summary of all graphs. */
  readonly summary: AnalysisSummary;
  readonly graphs: readonly GraphAnalysis[];
}

/** Depth of searched folders. transformers.js keeps graphs in `onnx/`. */
const MAX_DEPTH = 3;

/** Maximum number of graphs in a model directory. */
const MAX_FILES = 256;

async function filesBelow(directory: string, depth: number): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isFile() && entry.name.endsWith(".onnx")) found.push(path);
    else if (entry.isDirectory() && depth < MAX_DEPTH) found.push(...(await filesBelow(path, depth + 1)));
    if (found.length > MAX_FILES) break;
  }
  return found;
}

async function graphFiles(directory: string): Promise<readonly string[]> {
  const files = await filesBelow(directory, 1);
  if (files.length > 0 && files.length <= MAX_FILES) return files;
  throw new SlmError(
    files.length === 0 ? "INPUT_MISSING" : "DATA_INVALID",
    `analyze: ${directory} has ${files.length === 0 ? "no" : `more than ${MAX_FILES}`} .onnx files`,
    { suggestions: ["name one file: slm analyze MODEL.onnx", "slm export CHECKPOINT --target npu"] },
  );
}

/** Sizes for all graphs of a directory. Each graph uses the sizes whose names it has. */
class SharedSizes {
  readonly #requests: readonly FixedSizes[];
  readonly #used = new Set<FixedSizes>();

  constructor(requests: readonly FixedSizes[] = []) {
    this.#requests = requests;
  }

  of(model: ModelOutline): readonly FixedSizes[] {
    const names = new Set([...model.inputs.map(({ name }) => name), ...symbolsOf(model)]);
    const known = this.#requests.filter(({ name }) => names.has(name));
    for (const request of known) this.#used.add(request);
    return known;
  }

  /** @throws SlmError USAGE for a name that no graph has */
  requireUsed(): void {
    const unused = this.#requests.find((request) => !this.#used.has(request));
    if (unused === undefined) return;
    const { name, sizes } = unused;
    throw new SlmError(
      "USAGE",
      `sizes ${name}=${sizes.join(",")}: no graph has an input or a symbol of this name`,
    );
  }
}

function mergeSummaries(summaries: readonly AnalysisSummary[]): AnalysisSummary {
  const operators = new Map<string, OperatorCount>();
  const findings = { error: 0, warning: 0, info: 0 };
  const unlisted: Record<string, number> = {};
  for (const summary of summaries) {
    for (const { opType, count, where } of summary.operators) {
      const known = operators.get(opType);
      const place = known === undefined ? where : worse(known.where, where);
      operators.set(opType, operatorRow(opType, count + (known?.count ?? 0), place));
    }
    for (const severity of ["error", "warning", "info"] as const)
      findings[severity] += summary.findings[severity];
    for (const [rule, count] of Object.entries(summary.unlisted))
      unlisted[rule] = (unlisted[rule] ?? 0) + count;
  }
  return {
    operators: sortRows([...operators.values()]),
    nodes: summaries.reduce((sum, { nodes }) => sum + nodes, 0),
    findings,
    unlisted,
  };
}

/** How to ask the device itself. slm runs only models that it exported. */
function confirmation(
  path: string,
  { target, isOwn = false }: AnalyzePathOptions,
  profile: Profile,
): string | null {
  if (profile.confirmedBy !== null) return null;
  if (isOwn) return `slm bench ${path} --device ${target}:${profile.name} --no-fallback`;
  return `open it in ONNX Runtime with ${profile.label}`;
}

/**
 * Analyses an ONNX file of any origin, or all graphs of a directory: an export, a quantized model, a bundle, or a
 * folder of ONNX files.
 *
 * Reads: the files, and only small tensors of their external data.
 *
 * @throws SlmError INPUT_MISSING if nothing is found; DATA_INVALID for a corrupt or malicious file; USAGE if the target does not have the
 * profile, or no graph has the sizes; INTERRUPTED.
 */
export async function analyzePath(path: string, options: AnalyzePathOptions): Promise<PathAnalysis> {
  const profile = profileOf(options.target, options.profile);
  const info = await stat(path).catch((cause: unknown) => {
    throw new SlmError("INPUT_MISSING", `analyze: no such file or directory: ${path}`, { cause });
  });
  const files = info.isDirectory() ? await graphFiles(path) : [path];
  const findings: (Finding & { graph: string })[] = [];
  const graphs: GraphAnalysis[] = [];
  const shared = new SharedSizes(options.sizes);
  for (const file of files) {
    if (options.signal !== undefined) throwIfInterrupted(options.signal, "analyze");
    const outline = await readOutline(file);
    const analysis = analyzeModel(
      outline,
      info.isDirectory() ? { ...options, sizes: shared.of(outline) } : options,
    );
    const name = info.isDirectory() ? storedPath(path, file) : basename(file);
    for (const finding of analysis.findings) findings.push({ ...finding, graph: name });
    graphs.push({ ...analysis.model, file: name, supported: analysis.supported, summary: analysis.summary });
  }
  if (info.isDirectory()) shared.requireUsed();
  const verdicts = new Set(graphs.map(({ supported }) => supported));
  return {
    supported: verdicts.has(false) ? false : verdicts.has(null) ? null : true,
    profile: profile.name,
    target: options.target,
    device: profile.title,
    method: STATIC_CHECK,
    sources: profile.sources,
    confirmedBy: profile.confirmedBy,
    confirmWith: confirmation(path, options, profile),
    isOwn: options.isOwn ?? false,
    model: path,
    findings,
    summary: mergeSummaries(graphs.map(({ summary }) => summary)),
    graphs,
  };
}
