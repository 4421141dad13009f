/** Exports checkpoints as ONNX graphs. */
import {
  exportCheckpoint,
  planExport as planGraphs,
  type ExportChoice,
  type ExportPlan,
  type ExportReport,
} from "@slm/onnx-export";
import { contextOf, givenSettings, type WorkOptions } from "@slm/core/work";
import { requireIntact } from "@slm/core";
import { shortlistOfRows } from "@slm/models/rows";
import { withRuntime } from "@slm/models/engines";
import { siblingPath, writeStandalone } from "@slm/models/artifacts";

/** Target and output of an export. */
export interface ExportOptions extends WorkOptions {
  /** Target of the graphs. Default: `cpu`. */
  readonly target?: ExportChoice["target"] | undefined;
  /**
   * Execution provider: cuda, webgpu, directml, coreml (gpu); qnn, openvino, coreml, vitisai (npu). Default: the first of the target.
   */
  readonly profile?: ExportChoice["profile"];
  /** Type of weights, activations and caches. Default: `float32`. */
  readonly precision?: ExportChoice["precision"];
  /** Naming of files, inputs and outputs: slm's, or that of Hugging Face's transformers.js. Default: `native`. */
  readonly layout?: ExportChoice["layout"];
  /** Target npu: source lengths of the graphs [tokens]. Default: 64, 256, 1024. */
  readonly buckets?: ExportChoice["buckets"];
  /** Target npu: limit of the target length [tokens]. Default: the model's limit. */
  readonly window?: ExportChoice["window"];
  /** Target npu: tokens per run of a second decoder, which reads the prompts of a decoder-only model. Default: 32. */
  readonly chunk?: ExportChoice["chunk"];
  /** JSONL file of rows. Prunes the decoder's vocabulary to the tokens of its targets and single characters. Default: no pruning. */
  readonly shortlist?: string | undefined;
  /** Output directory. Default: `CHECKPOINT-<target>`, next to CHECKPOINT. */
  readonly output?: string | undefined;
  /** Intra-op threads of the parity check. Default: one per CPU core. */
  readonly threads?: number | undefined;
}

/** The files of an export, and the difference between its graphs and the checkpoint. */
export interface ExportedModel extends ExportReport {
  /** Output directory. */
  readonly artifact: string;
}

/**
 * Exports a checkpoint as ONNX graphs for a target, and compares them with the checkpoint on this machine's CPU, for every target.
 *
 * @param checkpoint directory with config.json, model.safetensors and tokenizer.json
 * @throws SlmError INPUT_MISSING, DATA_INVALID, INTERRUPTED; OP_UNSUPPORTED for a model that the target cannot run
 * @example
 * const { artifact, parity } = await exportModel("runs/mine/distill", { target: "npu", profile: "qnn" });
 */
export async function exportModel(checkpoint: string, options: ExportOptions = {}): Promise<ExportedModel> {
  await requireIntact(checkpoint);
  const choice = choiceOf(options);
  const { output = siblingPath(checkpoint, choice.target), threads } = options;
  const { progress, signal } = contextOf(options);
  const shortlist = await shortlistOfRows(checkpoint, options.shortlist);
  const settings = givenSettings({ ...choice, shortlist });
  const report = await withRuntime(threads, (runtime) =>
    writeStandalone({ directory: output, kind: "export", sources: { checkpoint }, settings }, (work) =>
      exportCheckpoint({
        ...choice,
        shortlist,
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

/** Returns the graphs that {@link exportModel} would write and their memory. Writes nothing. @throws SlmError as exportModel */
export async function planExport(checkpoint: string, options: ExportOptions = {}): Promise<ExportPlan> {
  await requireIntact(checkpoint);
  const shortlist = await shortlistOfRows(checkpoint, options.shortlist);
  return planGraphs(checkpoint, choiceOf(options), shortlist);
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
