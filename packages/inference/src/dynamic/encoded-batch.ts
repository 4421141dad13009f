/** Runs the encoder on a batch. Its outputs stay on the device for every decoder step. */
import { type DeviceModel, encoderOutputs, GRAPH_IO } from "@slm/exported-model";
import {
  type DeviceTensor,
  type HostTensor,
  type Session,
  createHostTensor,
  elementCount,
} from "@slm/runtime";
import { listTokens } from "./listed-tokens.js";
import type { ModelGraphs } from "../load/model-graphs.js";

export interface EncoderInputs {
  readonly sources: readonly (readonly number[])[];
  /** Image tokens of each source `[sources, tokens, width]`, for a vision-language model. */
  readonly images?: HostTensor | undefined;
  /** Decoder rows per source. The rows of a source are adjacent. */
  readonly rowsPerSource: number;
  /** Whether steps are queued before the encoder has finished. They then throw its error. */
  readonly ahead?: boolean | undefined;
}

/** Encodes the sources of a model, and repeats the encoder's outputs. */
interface BatchEncoder extends Pick<ModelGraphs, "runtime" | "model" | "tokenGraphs"> {
  readonly encoder: Session;
}

/**
 * The encoder's outputs by name, for `sources.length * rowsPerSource` decoder rows. The caller releases them. Beams share a source, so it is encoded
 * once and its outputs are repeated, on the device if the model chooses tokens there.
 */
export async function encodeBatch(
  { runtime, encoder, model, tokenGraphs }: BatchEncoder,
  { sources, images, rowsPerSource, ahead }: EncoderInputs,
): Promise<Readonly<Record<string, DeviceTensor>>> {
  const feeds = sourceFeeds(sources, model, images);
  const outputs = encoderOutputs(model);
  if (rowsPerSource === 1) return (await encoder.run({ feeds, keep: outputs, ahead })).kept;
  if (tokenGraphs !== undefined) {
    const { kept } = await encoder.run({ feeds, keep: outputs });
    try {
      return await tokenGraphs.repeatRows(kept, rowsPerSource);
    } finally {
      await runtime.release(Object.values(kept));
    }
  }
  const { fetched } = await encoder.run({ feeds, fetch: outputs });
  const repeated = outputs.map(async (name) => {
    return [name, await runtime.upload(repeatRows(fetched[name]!, rowsPerSource))] as const;
  });
  return Object.fromEntries(await Promise.all(repeated));
}

/** Inputs of decoder steps for a batch, and a function that releases them. */
export interface SourceFeeds {
  readonly feeds: Readonly<Record<string, DeviceTensor>>;
  readonly tensors: readonly DeviceTensor[];
}

/** Encodes sources, and runs the graph between the encoder and the decoder steps, if the model has one. */
export async function encodeForSteps(
  loaded: Pick<ModelGraphs, "runtime" | "encoder" | "listing" | "model" | "tokenGraphs">,
  inputs: EncoderInputs,
): Promise<SourceFeeds> {
  const { runtime, encoder, listing } = loaded;
  if (encoder === undefined) return { feeds: {}, tensors: [] };
  const encoded = await encodeBatch({ ...loaded, encoder }, inputs);
  const tensors = Object.values(encoded);
  if (listing === undefined) return { feeds: encoded, tensors };
  try {
    const { [GRAPH_IO.lexicalBias]: bias, ...others } = encoded;
    const listed = await listTokens(listing, bias!);
    return { feeds: { ...others, ...listed }, tensors: [...tensors, ...Object.values(listed)] };
  } catch (error) {
    await runtime.release(tensors);
    throw error;
  }
}

/** Inputs of the encoder: sources padded on the right, with their image tokens before the text. */
export function sourceFeeds(
  sources: readonly (readonly number[])[],
  { tokens: { pad }, vision }: DeviceModel,
  images: HostTensor | undefined,
): Record<string, HostTensor> {
  const width = Math.max(...sources.map((ids) => ids.length));
  const ids = new Int32Array(sources.length * width).fill(pad);
  sources.forEach((source, row) => {
    ids.set(source, row * width);
  });
  const lengths = Int32Array.from(sources, (source) => (vision?.tokens ?? 0) + source.length);
  return {
    [GRAPH_IO.sourceIds]: createHostTensor("int32", [sources.length, width], ids),
    [GRAPH_IO.sourceLengths]: createHostTensor("int32", [sources.length], lengths),
    ...(images === undefined ? {} : { [GRAPH_IO.imageTokens]: images }),
  };
}

/** Repeats each row of axis 0 `times` times. */
function repeatRows({ dtype, shape, data }: HostTensor, times: number): HostTensor {
  const [rows = 0, ...inner] = shape;
  const rowBytes = elementCount(inner) * data.BYTES_PER_ELEMENT;
  const repeated = createHostTensor(dtype, [rows * times, ...inner]);
  const from = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const to = new Uint8Array(repeated.data.buffer);
  for (let row = 0; row < rows * times; row++) {
    const source = Math.floor(row / times);
    to.set(from.subarray(source * rowBytes, (source + 1) * rowBytes), row * rowBytes);
  }
  return repeated;
}
