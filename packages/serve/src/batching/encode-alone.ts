/**
 * Encodes sources one by one and stacks the outputs as rows. With dynamically quantized activations, the result of a row would
 * otherwise depend on the other rows. The rows are still placed in the batch in one run.
 */
import { GRAPH_IO, type DeviceModel } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { sourceFeeds } from "@slm/inference";
import { createHostTensor, elementCount, type HostTensor, type Session } from "@slm/runtime";
import type { JobRequest } from "./job.js";
import { MASKED, type StateTensor } from "./row-graphs.js";

type EncodedJob = Pick<JobRequest, "source" | "image">;

/** Number of positions in the encoder's outputs for a source of this many tokens. */
export const positionsOf = (tokens: number, { pooledGroup = 1 }: DeviceModel): number =>
  Math.ceil(tokens / pooledGroup);

/** Number of positions of the longest source in the encoder's outputs, image included. */
export const sourceWidth = (jobs: readonly EncodedJob[], model: DeviceModel): number =>
  positionsOf((model.vision?.tokens ?? 0) + Math.max(...jobs.map(({ source }) => source.length)), model);

/**
 * Outputs of the encoder by name: one row per source, as wide as the longest.
 *
 * @throws SlmError SHAPE_MISMATCH for an encoder whose outputs do not match model.json.
 */
export async function encodeAlone(
  encoder: Session,
  model: DeviceModel,
  { jobs, specs }: { readonly jobs: readonly EncodedJob[]; readonly specs: readonly StateTensor[] },
): Promise<Readonly<Record<string, HostTensor>>> {
  const outputs = specs.filter(({ from }) => from === "encoder");
  const fetch = outputs.map(({ name }) => name);
  const runs = await Promise.all(
    jobs.map(({ source, image }) => encoder.run({ feeds: sourceFeeds([source], model, image), fetch })),
  );
  const width = sourceWidth(jobs, model);
  return Object.fromEntries(
    outputs.map((spec) => [
      spec.name,
      joinRows(
        spec,
        runs.map(({ fetched }) => fetched[spec.name]!),
        width,
        model.name,
      ),
    ]),
  );
}

/** Stacks rows of different lengths, with the source axis padded at its end. */
function joinRows(
  { name, dtype, inner }: StateTensor,
  rows: readonly HostTensor[],
  width: number,
  model: string,
): HostTensor {
  const shape = [rows.length, ...inner.map((size) => (size === "width" ? width : size))];
  const joined =
    name === GRAPH_IO.sourceBias
      ? createHostTensor("float32", shape, new Float32Array(elementCount(shape)).fill(MASKED))
      : createHostTensor(dtype, shape);
  const to = bytesOf(joined);
  const axis = inner.indexOf("width");
  // Contiguous bytes per source position, and the number of such blocks.
  const unit = elementCount(inner.slice(axis + 1).map(Number)) * joined.data.BYTES_PER_ELEMENT;
  const groups = elementCount(inner.slice(0, axis).map(Number));
  rows.forEach((tensor, row) => {
    const own = tensor.shape[axis + 1] ?? 0;
    const from = bytesOf(tensor);
    if (tensor.dtype !== joined.dtype || from.byteLength !== groups * own * unit || own > width) {
      const got = `${tensor.dtype}[${tensor.shape.join(",")}]`;
      throw new SlmError(
        "SHAPE_MISMATCH",
        `serve: '${name}' of ${model} has the shape ${got}, which does not match model.json`,
      );
    }
    for (let group = 0; group < groups; group++) {
      to.set(
        from.subarray(group * own * unit, (group + 1) * own * unit),
        (row * groups + group) * width * unit,
      );
    }
  });
  return joined;
}

function bytesOf({ data }: HostTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
