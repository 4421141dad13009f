/** The plan of an export: its graphs and their file names. */
import { DTYPE_SUFFIXES, type GraphName } from "@slm/exported-model";
import type { Precision } from "@slm/devices";
import type { LexicalShortlist } from "@slm/generation";
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import { visionOf, type EncoderDecoderConfig, type ModelConfig } from "@slm/model";
import type { ExportLayout } from "../settings/layouts.js";
import type { Device } from "../settings/profiles.js";
import { checkShortlist } from "../settings/check-shortlist.js";
import type { Shortlist } from "../weights/shortlist.js";
import { staticSizes } from "./buckets.js";
import { decoderGraph, encoderGraph } from "./native-graphs.js";
import type { GraphSource } from "./record.js";
import { requireEncoder, staticDecoderGraph, staticEncoderGraph, type StaticSizes } from "./static-graphs.js";
import { transformersDecoderOnlyGraph } from "./transformers-decoder-only.js";
import {
  transformersDecoderGraph,
  transformersDevice,
  transformersEncoderGraph,
} from "./transformers-graphs.js";
import { promptOf, transformersImageEncoderGraph } from "./transformers-image.js";
import { visionGraph } from "./vision-graph.js";

/** One graph to export. */
export interface PlannedGraph {
  /** Path in the output directory. */
  readonly file: string;
  readonly role: GraphName;
  /** Sizes of a static graph. */
  readonly sizes?: StaticSizes;
  readonly build: (source: GraphSource) => Graph;
}

export interface GraphPlan {
  /** The device, with the lowering variants of the layout. */
  readonly device: Device;
  readonly graphs: readonly PlannedGraph[];
  /** The weights file of all graphs, or `null` if each graph has its own. Static graphs differ only in sizes, so they share one file. */
  readonly sharedWeights: string | null;
  /** Tokens that the encoder graph appends to every image. Absent: the text is an input. */
  readonly prompt?: readonly number[] | undefined;
}

export interface GraphRequest {
  readonly device: Device;
  readonly layout: ExportLayout;
  readonly buckets: readonly number[];
  readonly window?: number | undefined;
  readonly chunk?: number | undefined;
  /** Encodes a source with the model's tokenizer. */
  readonly encodeSource: (text: string) => readonly number[];
  /** Tokens that the decoder can produce. Default: all. */
  readonly shortlist?: Shortlist | undefined;
  /** The lexical shortlist. Default: none. */
  readonly lexical?: LexicalShortlist | undefined;
}

/** File-name suffixes of each precision; transformers.js has none for bfloat16. */
const SUFFIX: Readonly<Record<Precision, string>> = {
  float32: DTYPE_SUFFIXES.fp32,
  float16: DTYPE_SUFFIXES.fp16,
  bfloat16: "_bf16",
};

/**
 * Plans the graphs of a model for a device.
 *
 * @throws SlmError OP_UNSUPPORTED for transformers.js with static graphs or with a vision-language model that reads questions; USAGE for a
 * window or chunk that the model does not support.
 */
export function planGraphs(config: ModelConfig, request: GraphRequest): GraphPlan {
  const { device, layout, shortlist } = request;
  if (shortlist !== undefined) checkShortlist(config, request);
  if (request.lexical !== undefined) checkLexical(config, request);
  if (layout === "transformers.js") return transformersPlan(config, request);
  if (device.shapes === "static") {
    return staticPlan(config, device, staticSizes(config, request));
  }
  return dynamicPlan(config, device);
}

/** @throws SlmError OP_UNSUPPORTED if neither the graphs nor their host can apply the list */
function checkLexical(config: ModelConfig, { device, layout, shortlist }: GraphRequest): void {
  const reject = (what: string): never => {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `export: ${what} cannot have a model's lexical shortlist (lexical_shortlist.safetensors)`,
      { suggestions: ["slm export MODEL --target cpu"] },
    );
  };
  if (layout !== "native") reject(`layout ${layout}`);
  // The host of static graphs reads the list from a file.
  if (device.shapes === "static") return;
  if (config.logitSoftcap !== undefined) reject("a decoder with a softcap on its logits");
  if (shortlist !== undefined) reject("a decoder with a pruned vocabulary");
  if (device.precision !== "float32") reject(`precision ${device.precision}`);
}

function dynamicPlan(config: ModelConfig, device: Device): GraphPlan {
  const decoder: PlannedGraph = {
    file: "decoder.onnx",
    role: "decoder",
    build: (source) => decoderGraph(source),
  };
  if (config.architecture === "decoder-only") return { device, graphs: [decoder], sharedWeights: null };
  const encoder: PlannedGraph = {
    file: "encoder.onnx",
    role: "encoder",
    build: (source) => encoderGraph(encoderDecoder(source)),
  };
  return { device, graphs: [...visionPlan(config), encoder, decoder], sharedWeights: null };
}

/** The graph that turns an image into tokens. It is separate from the encoder, so that the tokens can be reused for the next question. */
function visionPlan(config: ModelConfig): readonly PlannedGraph[] {
  if (visionOf(config) === undefined) return [];
  return [
    {
      file: "vision.onnx",
      role: "vision",
      build: (source) => visionGraph(encoderDecoder(source)),
    },
  ];
}

function staticPlan(config: ModelConfig, device: Device, all: readonly StaticSizes[]): GraphPlan {
  const graphs = all.flatMap((sizes): PlannedGraph[] => {
    const { source: length, chunk } = sizes;
    const encoder: PlannedGraph = {
      file: `encoder.${length}.onnx`,
      role: "encoder",
      sizes,
      build: (source) => staticEncoderGraph(encoderDecoder(source), sizes),
    };
    const several: PlannedGraph = {
      file: `chunk.${length}.onnx`,
      role: "chunk",
      sizes,
      build: (source) => staticDecoderGraph(source, sizes, chunk),
    };
    const decoder: PlannedGraph = {
      file: `decoder.${length}.onnx`,
      role: "decoder",
      sizes,
      build: (source) => staticDecoderGraph(source, sizes),
    };
    return [
      ...(config.architecture === "decoder-only" ? [] : [encoder]),
      ...(chunk === undefined ? [] : [several]),
      decoder,
    ];
  });
  return { device, graphs: [...visionPlan(config), ...graphs], sharedWeights: "weights.data" };
}

function transformersPlan(config: ModelConfig, { device, encodeSource }: GraphRequest): GraphPlan {
  const suffix = SUFFIX[device.precision];
  if (config.architecture === "decoder-only") {
    const model: PlannedGraph = {
      file: `onnx/model${suffix}.onnx`,
      role: "decoder",
      build: (source) => transformersDecoderOnlyGraph({ ...source, config }),
    };
    return { device: transformersDevice(device), graphs: [model], sharedWeights: null };
  }
  const prompt = promptOf(config, encodeSource);
  return {
    device: transformersDevice(device),
    graphs: [
      {
        file: `onnx/encoder_model${suffix}.onnx`,
        role: "encoder",
        build: (source) =>
          prompt === undefined
            ? transformersEncoderGraph(encoderDecoder(source))
            : transformersImageEncoderGraph(encoderDecoder(source), prompt),
      },
      {
        file: `onnx/decoder_model_merged${suffix}.onnx`,
        role: "decoder",
        build: (source) => transformersDecoderGraph(encoderDecoder(source)),
      },
    ],
    sharedWeights: null,
    prompt,
  };
}

function encoderDecoder(source: GraphSource): GraphSource<EncoderDecoderConfig> {
  return { ...source, config: requireEncoder(source.config) };
}
