/** Inputs of the vision graph of a vision-language model, and its image tokens for the encoder. */
import { GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { createHostTensor, type HostTensor, type Session } from "@slm/runtime";
import { patchRowsShape } from "@slm/vision";
import { fetchedFloats, type Feeds } from "./feeds.js";
import type { RowImage } from "./token-pairs.js";

/** @throws SlmError DATA_INVALID naming the first pair that lacks an image that the model needs, or has one that it cannot read */
export function requireImages(pairs: readonly RowImage[], { vision }: DeviceModel): void {
  const wrong = pairs.findIndex(({ patches }) => (patches === undefined) !== (vision === undefined));
  if (wrong === -1) return;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: calibration: row ${wrong + 1} has ${vision === undefined ? "an image, but the model reads only text" : "no image, but the model needs one with every text"}`,
  );
}

/** A batch of one image, as in generation. */
export function imageFeeds(patches: Float32Array, model: DeviceModel): Feeds {
  const shape = model.vision === undefined ? [] : patchRowsShape(model.vision);
  return { [GRAPH_IO.patches]: createHostTensor("float32", [1, ...shape], patches) };
}

/** Images of rows. */
export const imagesOf = (rows: readonly RowImage[]): readonly Float32Array[] =>
  rows.flatMap(({ patches }) => (patches === undefined ? [] : [patches]));

/** Runs of the vision graph: one for every image of some rows. */
export const visionRuns = <Row extends RowImage>(rows: readonly Row[]): readonly (readonly Row[])[] =>
  rows.filter(({ patches }) => patches !== undefined).map((row) => [row]);

/** Tokens `[images, tokens, width]` of images; undefined for a text model. */
export async function seeImages(
  images: readonly Float32Array[],
  model: DeviceModel,
  graph: Session | undefined,
): Promise<HostTensor | undefined> {
  const { vision } = model;
  if (vision === undefined || graph === undefined) return undefined;
  const each = vision.tokens * vision.width;
  const joined = new Float32Array(images.length * each);
  for (const [at, patches] of images.entries()) {
    const { fetched } = await graph.run({ feeds: imageFeeds(patches, model), fetch: [GRAPH_IO.imageTokens] });
    joined.set(fetchedFloats(fetched, GRAPH_IO.imageTokens), at * each);
  }
  return createHostTensor("float32", [images.length, vision.tokens, vision.width], joined);
}
