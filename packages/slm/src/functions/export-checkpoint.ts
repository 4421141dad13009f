/** Checkpoints as ONNX graphs. */
import type { ExportChoice, ExportPlan, ExportReport, RowFiles } from "@slm/onnx-export";
import { contextOf, givenSettings, type WorkOptions } from "@slm/pipeline/stage/work";

/** Target of the graphs, and where they are written. */
export interface ExportOptions extends WorkOptions, RowFiles {
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
   * Target npu: tokens in a run of a second decoder, which reads prompts of decoder-only models and verifies what prompt lookup copies.
   * Default: 32 for a decoder-only model, otherwise there is no such decoder.
   */
  readonly chunk?: ExportChoice["chunk"];
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
  const { requireIntact } = await import("@slm/core");
  const { listsOfRows } = await import("@slm/pipeline/models/row-lists");
  const { withRuntime } = await import("@slm/pipeline/compute/open-engine");
  const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
  await requireIntact(checkpoint);
  await checkRows(checkpoint, options);
  const choice = choiceOf(options);
  const { output = siblingPath(checkpoint, choice.target), threads } = options;
  const { progress, signal } = contextOf(options);
  const lists = await listsOfRows(checkpoint, options, { progress });
  const settings = givenSettings({ ...choice, ...library.listsInManifest(lists) });
  const report = await withRuntime(threads, (runtime) =>
    writeStandalone({ directory: output, kind: "export", sources: { checkpoint }, settings }, (work) =>
      library.exportCheckpoint({
        ...choice,
        ...lists,
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
  const { listsOfRows } = await import("@slm/pipeline/models/row-lists");
  const { progress } = contextOf(options);
  const { shortlist } = await listsOfRows(checkpoint, { shortlist: options.shortlist }, { progress });
  return library.planExport(checkpoint, choiceOf(options), shortlist);
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
  const { checkRowSettings, exportConfig, rowSettingsOf } = await import("@slm/onnx-export");
  const { readModelConfig } = await import("@slm/checkpoints");
  const settings = exportConfig.parse({ ...choiceOf(options), ...rowSettingsOf(options) });
  checkRowSettings(await readModelConfig(checkpoint), settings);
}
