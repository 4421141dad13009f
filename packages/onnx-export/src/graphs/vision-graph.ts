/**
 * The graph that turns images into tokens, independently of the text:
 *
 * ```
 * patches float32 [batch, rows, values] -> tower -> projector -> image_tokens [batch, tokens, width]
 * ```
 *
 * A static graph reads one image, and its rows have no `batch` axis.
 */
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import {
  imageEmbeddings,
  imageTokenCount,
  patchValues,
  towerTokens,
  type EncoderDecoderConfig,
  type VisionConfig,
} from "@slm/model";
import type { Tensor } from "@slm/tensor";
import { cast, reshape } from "../lowerings/emit.js";
import { recordGraph, type GraphSource, type Recording } from "./record.js";

/** @throws SlmError UNEXPECTED for a text model; plans never contain a vision graph for one */
export function visionGraph(source: GraphSource<EncoderDecoderConfig>): Graph {
  const { config, device } = source;
  const vision = requireVision(config);
  const [rows, values] = [towerTokens(vision.tower), patchValues(vision.tower)];
  return recordGraph(source, { name: "vision", positions: rows }, (recording) => {
    const { recorder, input, output, parameters } = recording;
    const shape = [1, rows, values];
    const given = input(GRAPH_IO.patches, "float32", shape, batched(source, shape));
    const { precision } = device;
    const patches =
      precision === "float32"
        ? given
        : recorder.tensor(cast(recorder, recorder.nameOf(given), precision), shape);
    const tokens = imageEmbeddings(vision, parameters, asRows(source, recording, patches));
    const made = fromRows(source, recording, tokens);
    output(GRAPH_IO.imageTokens, made, "precision", batched(source, made.shape));
  });
}

/**
 * Declares the encoder's input of image tokens; undefined for a text model.
 *
 * Shapes: `[batch, tokens, width]`; static: `[1, tokens, width]`.
 */
export function imageTokensInput(
  source: GraphSource<EncoderDecoderConfig>,
  recording: Recording,
  batch: number,
): Tensor | undefined {
  const { vision, width } = source.config;
  if (vision === undefined) return undefined;
  const shape = [batch, imageTokenCount(vision), width];
  const given = recording.input(GRAPH_IO.imageTokens, "precision", shape, batched(source, shape));
  return asRows(source, recording, given);
}

function requireVision({ vision }: EncoderDecoderConfig): VisionConfig {
  if (vision !== undefined) return vision;
  throw new SlmError("UNEXPECTED", "export: a vision graph was requested for a model that reads no images");
}

const isStatic = ({ device }: GraphSource): boolean => device.shapes === "static";

/** Declared dimensions of a tensor whose first axis is the batch. */
const batched = (source: GraphSource, shape: readonly number[]): readonly (number | string)[] =>
  isStatic(source) ? shape : ["batch", ...shape.slice(1)];

/** Values of static graphs are rows `[length, width]`, but tensors keep the shape `[1, length, width]`. */
function asRows(source: GraphSource, { recorder }: Recording, tensor: Tensor): Tensor {
  if (!isStatic(source)) return tensor;
  return recorder.tensor(reshape(recorder, recorder.nameOf(tensor), tensor.shape.slice(1)), tensor.shape);
}

function fromRows(source: GraphSource, { recorder }: Recording, tensor: Tensor): Tensor {
  if (!isStatic(source)) return tensor;
  return recorder.tensor(reshape(recorder, recorder.nameOf(tensor), tensor.shape), tensor.shape);
}
