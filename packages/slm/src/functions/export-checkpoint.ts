/** Checkpoints as ONNX graphs. */
import type { ExportChoice, ExportPlan, ExportReport } from "@slm/onnx-export";
import type { Progress } from "@slm/core";
import { contextOf, givenSettings, type WorkOptions } from "@slm/pipeline/stage/work";

/** Target of the graphs, and where they are written. */
export interface ExportOptions extends WorkOptions {
  /** Target of the graphs. Default: `cpu`. */
  readonly target?: ExportChoice["target"] | undefined;
  /**
   * Execution provider: cuda, webgpu, directml, coreml (gpu); qnn, openvino, coreml, vitisai (npu). Default: the first of the target.
   */
  readonly profile?: ExportChoice["profile"];
  /** Type of weights, activations and caches. Default: `float32`. */
  readonly precision?: ExportChoice["precision"];
  /** Names of files, inputs and outputs: slm's own, or those of Hugging Face's transformers.js. Default: `native`. */
  readonly layout?: ExportChoice["layout"];
  /** Target npu: source lengths to make graphs for [tokens]. Default: 64, 256, 1024. */
  readonly buckets?: ExportChoice["buckets"];
  /** Target npu: longest target [tokens]. Default: the model's own. */
  readonly window?: ExportChoice["window"];
  /**
   * Target npu: tokens in a run of a second decoder, which reads prompts of decoder-only models and verifies draft tokens of prompt lookup.
   * Default: 32 for a decoder-only model, otherwise there is no such decoder.
   */
  readonly chunk?: ExportChoice["chunk"];
  /** JSONL file of rows. Prunes the decoder's vocabulary to the tokens of their targets, and single characters. */
  readonly shortlist?: string | undefined;
  /** JSONL file of rows, of which the exported model learns what probably comes next in an answer. Encoder-decoders, layout native. */
  readonly draftRules?: string | undefined;
  /** Directory to write. Default: `CHECKPOINT-<target>`, beside it. */
  readonly output?: string | undefined;
  /** Intra-op threads of the parity check. Default: one per CPU core. */
  readonly threads?: number | undefined;
}

/** The files of an export, and the difference of its graphs from the checkpoint. */
export interface ExportedModel extends ExportReport {
  /** Directory that was written. */
  readonly artifact: string;
}

/**
 * Exports a checkpoint as ONNX graphs for a target, and checks them against the checkpoint on this machine's CPU, whatever the target
 * is.
 *
 * @param checkpoint directory with config.json, model.safetensors and tokenizer.json
 * @throws SlmError INPUT_MISSING, DATA_INVALID, OP_UNSUPPORTED for what the target cannot run, INTERRUPTED
 * @example
 * const { artifact, parity } = await exportModel("runs/mine/distill", { target: "npu", profile: "qnn" });
 */
export async function exportModel(checkpoint: string, options: ExportOptions = {}): Promise<ExportedModel> {
  const library = await import("@slm/onnx-export");
  const { hashJson, requireIntact } = await import("@slm/core");
  const { withRuntime } = await import("@slm/pipeline/compute/open-engine");
  const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
  await requireIntact(checkpoint);
  await checkRows(checkpoint, options);
  const choice = choiceOf(options);
  const shortlist = await shortlistOf(checkpoint, options);
  const { output = siblingPath(checkpoint, choice.target), threads } = options;
  const { progress, signal } = contextOf(options);
  const draftRules = await draftRulesOf(checkpoint, options, progress);
  // The manifest names the rules, which the export has.
  const named = draftRules && { count: draftRules.length, sha256: hashJson(draftRules) };
  const settings = givenSettings({ ...choice, shortlist, draftRules: named });
  const report = await withRuntime(threads, (runtime) =>
    writeStandalone({ directory: output, kind: "export", sources: { checkpoint }, settings }, (work) =>
      library.exportCheckpoint({
        ...choice,
        shortlist,
        draftRules,
        runtime,
        progress,
        signal,
        checkpointDirectory: checkpoint,
        outputDirectory: work,
      }),
    ),
  );
  return { ...report, artifact: output };
}

/** The graphs that {@link exportModel} would write and the memory they need. Writes nothing. @throws SlmError as exportModel */
export async function planExport(checkpoint: string, options: ExportOptions = {}): Promise<ExportPlan> {
  const library = await import("@slm/onnx-export");
  const { requireIntact } = await import("@slm/core");
  await requireIntact(checkpoint);
  await checkRows(checkpoint, options);
  return library.planExport(checkpoint, choiceOf(options), await shortlistOf(checkpoint, options));
}

function choiceOf({
  target = "cpu",
  profile,
  precision,
  layout,
  buckets,
  window,
  chunk,
}: ExportOptions): ExportChoice {
  return { target, profile, precision, layout, buckets, window, chunk };
}

/** What the export cannot have is not learnt from rows. @throws SlmError OP_UNSUPPORTED, and as `readModelConfig` */
async function checkRows(checkpoint: string, options: ExportOptions): Promise<void> {
  const { checkRowSettings, exportConfig } = await import("@slm/onnx-export");
  const { readModelConfig } = await import("@slm/checkpoints");
  const { shortlist, draftRules } = options;
  const asked = { shortlist: shortlist !== undefined, draftRules: draftRules !== undefined };
  checkRowSettings(await readModelConfig(checkpoint), exportConfig.parse({ ...choiceOf(options), ...asked }));
}

async function draftRulesOf(checkpoint: string, { draftRules }: ExportOptions, progress: Progress) {
  if (draftRules === undefined) return undefined;
  return (await import("@slm/pipeline/models/draft-rules")).draftRulesOfRows(
    checkpoint,
    { rows: draftRules },
    progress,
  );
}

async function shortlistOf(checkpoint: string, { shortlist }: ExportOptions) {
  if (shortlist === undefined) return undefined;
  return (await import("@slm/pipeline/models/shortlist")).shortlistOfRows(checkpoint, shortlist);
}
