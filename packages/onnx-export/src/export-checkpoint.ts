/** Exports a checkpoint to a directory that a runtime can load: graphs, external weights, model.json and tokenizer. */
import { basename, resolve } from "node:path";
import { SILENT, SLM_VERSION, type Progress, SlmError } from "@slm/core";
import type { Precision, ProfileName, Target } from "@slm/devices";
import { parameterCount } from "@slm/model";
import { readLexicalShortlist, type Checkpoint } from "@slm/checkpoints";
import type { Runtime } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { loadTokenizer, readTokenizerFiles, type Tokenizer } from "@slm/tokenizer";
import { chosenExport, type ExportChoice } from "./settings/export-config.js";
import type { ExportLayout } from "./settings/layouts.js";
import { planGraphs, type GraphPlan, type GraphRequest } from "./graphs/graph-plan.js";
import { graphSource, type Metadata } from "./graphs/record.js";
import { filesBelow, writeGraphs, type WrittenGraph } from "./graphs/write-graphs.js";
import { writeNativeFiles } from "./layouts/write-native-files.js";
import { writeTransformersFiles } from "./layouts/write-transformers-files.js";
import { rejectOwnTargets } from "./layouts/transformers-tokenizer.js";
import { measureParity } from "./parity/measure-parity.js";
import { checkParity, PARITY_LIMITS, type ParityReport } from "./parity/parity.js";
import { selectDevice } from "./settings/profiles.js";
import type { Shortlist } from "./weights/shortlist.js";
import { openCheckpoint } from "./weights/weight-file.js";

/** What an export needs in addition to weights. */
export interface ExportSettings extends ExportChoice {
  /** An existing, empty directory. The caller moves it into place when it is complete. */
  readonly outputDirectory: string;
  /** Tokens that the decoder can produce, see `collectShortlist`. Default: all. */
  readonly shortlist?: Shortlist | undefined;
  /** Runs the parity check. Without a runtime the check is skipped, and the report says so. */
  readonly runtime?: Runtime | undefined;
  /** Runs the training forward pass for the parity check. Default: compiled, on `runtime`. */
  readonly engine?: Engine | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExportCheckpointOptions extends ExportSettings {
  /** Contains config.json, model.safetensors, tokenizer.json and tokenizer_config.json. */
  readonly checkpointDirectory: string;
  /** Name of the model in model.json and reports. Default: the name of the checkpoint directory. */
  readonly name?: string | undefined;
}

export interface ExportReport {
  readonly target: Target;
  readonly profile: ProfileName;
  readonly precision: Precision;
  readonly layout: ExportLayout;
  /** Every file written, by its path in the output directory. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** ONNX opset version. */
  readonly opset: number;
  readonly parameters: number;
  /** null if no runtime was given and the parity check was skipped. */
  readonly parity: ParityReport | null;
}

/** A model to export, which may exist only in memory. */
export interface ExportSource extends Checkpoint {
  readonly name: string;
  readonly tokenizerDirectory: string;
  /** More metadata for the ONNX files. */
  readonly metadata?: Metadata;
}

/**
 * Exports a checkpoint as graphs for a device and compares them with the trained model. Weights are streamed from file to file, one at a
 * time.
 *
 * Reads: the checkpoint directory. Writes, in layout native: the graphs (`encoder.onnx` and `decoder.onnx`, for target npu one pair per
 * source length), weights next to them, model.json, config.json and the tokenizer's files; in layout transformers.js:
 * `onnx/encoder_model*.onnx` and `onnx/decoder_model_merged*.onnx`, or `onnx/model*.onnx` for a decoder-only model, and that library's
 * configuration; for a vision-language model also `preprocessor_config.json`.
 *
 * @throws SlmError INPUT_MISSING, CONFIG_INVALID, DATA_INVALID or SHAPE_MISMATCH if the checkpoint or its tokenizer is
 * incomplete; USAGE for an unknown profile or an invalid window; OP_UNSUPPORTED if the device cannot compute the model;
 * GATE_FAILED if a logit differs by more than `PARITY_LIMITS` allows; OUTPUT_FAILED if writing fails.
 */
export async function exportCheckpoint(options: ExportCheckpointOptions): Promise<ExportReport> {
  const { checkpointDirectory, name, ...settings } = options;
  const { close, ...checkpoint } = await openCheckpoint(checkpointDirectory);
  try {
    return await exportWeights(
      {
        ...checkpoint,
        name: name ?? basename(resolve(checkpointDirectory)),
        tokenizerDirectory: checkpointDirectory,
      },
      settings,
    );
  } finally {
    close();
  }
}

/** Exports weights from host memory, otherwise like {@link exportCheckpoint}. */
export async function exportWeights(source: ExportSource, settings: ExportSettings): Promise<ExportReport> {
  const { outputDirectory, runtime, shortlist, progress = SILENT, signal } = settings;
  const chosen = chosenExport(settings);
  const { target, precision, layout } = chosen;
  const device = selectDevice(chosen);
  const tokenizer = await openTokenizer(source, layout);
  const encodeSource = (text: string): readonly number[] => tokenizer.encodeSource(text);
  const lexical = await readLexicalShortlist(source.tokenizerDirectory, source.config.vocabularySize);
  const lists = { shortlist, lexical };
  const plan = planGraphs(source.config, { ...chosen, device, encodeSource, ...lists });
  const graphs = await writeGraphs(plan, deferredSource(source, plan, lists), {
    outputDirectory,
    layout,
    progress,
    signal,
  });
  await writeLayoutFiles({ ...source, ...lists }, layout, { outputDirectory, plan, graphs });
  const parity =
    runtime === undefined
      ? null
      : await measureParity(source, {
          plan,
          layout,
          runtime,
          ...lists,
          progress,
          signal,
          directory: outputDirectory,
          engine: settings.engine,
        });
  if (parity !== null) checkParity(parity, PARITY_LIMITS[precision]);
  return {
    target,
    precision,
    layout,
    parity,
    profile: device.profileName,
    files: await filesBelow(outputDirectory),
    opset: device.opset,
    parameters: parameterCount(source.config),
  };
}

function deferredSource(
  source: ExportSource,
  { device }: GraphPlan,
  lists: Pick<GraphRequest, "shortlist" | "lexical">,
): ReturnType<typeof graphSource> {
  const metadata = {
    producer: `slm ${SLM_VERSION}`,
    model: source.name,
    architecture: source.config.architecture,
    parameters: String(parameterCount(source.config)),
    target: device.target,
    profile: device.profileName,
    precision: device.precision,
    ...source.metadata,
  };
  return graphSource(source, device, { metadata, deferred: true, ...lists });
}

interface LayoutFiles {
  readonly outputDirectory: string;
  readonly plan: GraphPlan;
  readonly graphs: readonly WrittenGraph[];
}

async function writeLayoutFiles(
  source: ExportSource & Pick<GraphRequest, "shortlist" | "lexical">,
  layout: ExportLayout,
  { outputDirectory, plan, graphs }: LayoutFiles,
): Promise<void> {
  if (layout === "native") {
    await writeNativeFiles(outputDirectory, source, { device: plan.device, graphs });
    return;
  }
  await writeTransformersFiles(outputDirectory, source, graphs);
}

/** Rejects a tokenizer that does not fit the model or the layout, before anything is written. */
async function openTokenizer(
  { config, tokenizerDirectory }: ExportSource,
  layout: ExportLayout,
): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  if (layout === "transformers.js") rejectOwnTargets(await readTokenizerFiles(tokenizerDirectory));
  if (tokenizer.vocabularySize <= config.vocabularySize) return tokenizer;
  throw new SlmError(
    "DATA_INVALID",
    `export: the tokenizer in ${tokenizerDirectory} has ${tokenizer.vocabularySize} tokens, but the model has only ${config.vocabularySize}`,
  );
}
