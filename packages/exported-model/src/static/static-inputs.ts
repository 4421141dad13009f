/**
 * Inputs of static graphs (target npu) for one text. The host pads tokens, and masks all positions that a token must not attend to.
 * `static-graphs.ts` of the exporter lists the shapes.
 */
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { DeviceModel } from "../device-model.js";
import { GRAPH_IO } from "../graph-io.js";

type Feeds = Readonly<Record<string, HostTensor>>;

/** Sizes of the graphs, and the bias of masked positions. */
type StaticSizes<Size extends string> = Readonly<Record<Size | "maskedBias", number>>;

/**
 * Tokens and bias of the encoder. The decoder has the same bias as an input.
 *
 * @param image number of image tokens before the text
 */
export function staticSourceInputs(
  ids: ArrayLike<number>,
  { tokens: { pad } }: Pick<DeviceModel, "tokens">,
  { source, maskedBias }: StaticSizes<"source">,
  image = 0,
): Feeds {
  const padded = new Int32Array(source - image).fill(pad);
  padded.set(ids);
  const length = image + ids.length;
  const bias = Float32Array.from({ length: source }, (_, slot) => (slot < length ? 0 : maskedBias));
  return {
    [GRAPH_IO.sourceIds]: createHostTensor("int32", [1, padded.length], padded),
    [GRAPH_IO.sourceBias]: createHostTensor("float32", [1, 1, 1, source], bias),
  };
}

/**
 * Tokens, positions and bias of a run of the decoder.
 *
 * @param ids new tokens, of which the first is at `position`
 * @param size tokens that the graph reads in a run; the rest is padding
 */
export function staticTokenInputs(
  ids: ArrayLike<number>,
  { tokens: { pad }, stateWidth }: Pick<DeviceModel, "tokens" | "stateWidth">,
  { window, maskedBias }: StaticSizes<"window">,
  { position, size }: { readonly position: number; readonly size: number },
): Feeds {
  const slots = window - 1;
  const padded = new Int32Array(size).fill(pad);
  padded.set(ids);
  // Padding may have any valid position.
  const places = Int32Array.from({ length: size }, (_, row) => Math.min(position + row, slots));
  const own = {
    [GRAPH_IO.targetIds]: createHostTensor("int32", [1, size], padded),
    [GRAPH_IO.position]: createHostTensor("int32", [size], places),
  };
  // A recurrent decoder reads no slots.
  if (stateWidth !== undefined) return own;
  // A token sees the slots before it, and after them the tokens of the run up to itself.
  const columns = slots + size;
  const bias = Float32Array.from({ length: size * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const isSeen = column < slots ? column < position : column - slots <= row;
    return isSeen ? 0 : maskedBias;
  });
  return { ...own, [GRAPH_IO.windowBias]: createHostTensor("float32", [1, 1, size, columns], bias) };
}
