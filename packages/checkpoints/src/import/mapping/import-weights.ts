/** Converts external tensors to our weights, one at a time, and checks that every tensor is used and complete. */
import { SlmError } from "@slm/core";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import type { ExternalCheckpoint, ExternalTensor } from "../../external-checkpoint.js";
import type { WeightSource } from "./weight-sources.js";

/** A parameter whose values are read on demand. */
export interface ImportedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** float32. @throws SlmError DATA_INVALID for numbers that are not finite, and what the file's reader throws. */
  read(): Promise<HostTensor>;
  /** The same values in pieces. The file's reader chooses their size. @throws SlmError as `read`. */
  pieces(): AsyncIterable<Float32Array>;
}

/** Tensors in some checkpoints that the model computes itself. */
const COMPUTED = /\.rotary_emb\.inv_freq$/;

/** Where the weights of a model are in an external checkpoint. */
export interface WeightPlan {
  /** One per parameter, in the model's order. */
  readonly sources: readonly WeightSource[];
  /** Whether a tensor that no parameter needs is allowed, such as a second name of a shared one. */
  readonly isIgnored: (name: string) => boolean;
}

/**
 * All parameters of the model, in its order.
 *
 * @throws SlmError SHAPE_MISMATCH for the first tensor that is missing, has a wrong shape or does not belong to this model.
 */
export function importWeights(
  external: ExternalCheckpoint,
  { sources, isIgnored }: WeightPlan,
): readonly ImportedWeight[] {
  const { where } = external;
  const tensors = byName(external);
  const used = new Set<string>();
  const last: LastTensor = {};
  const weights = sources.map((source) => {
    if (source.computed !== undefined) return computedWeight(source, source.computed);
    const tensor = tensors.get(source.name);
    if (tensor === undefined)
      throw mismatch(where, `tensor '${source.name}' ${sizes(source.shape)} is missing`);
    if (tensor.shape.join() !== source.shape.join()) {
      throw mismatch(
        where,
        `tensor '${source.name}' should be ${sizes(source.shape)} according to config.json, got ${sizes(tensor.shape)}`,
      );
    }
    used.add(source.name);
    const { name, shape } = source.parameter;
    const pieces = (): AsyncIterable<Float32Array> => weightPieces(source, tensor, last, where);
    return { name, shape, pieces, read: () => wholeWeight(shape, pieces()) };
  });
  for (const { name } of external.tensors) {
    if (!used.has(name) && !isIgnored(name) && !COMPUTED.test(name))
      throw mismatch(where, `tensor '${name}' does not belong to this model`);
  }
  return weights;
}

function computedWeight(
  { parameter: { name, shape } }: WeightSource,
  values: () => Float32Array,
): ImportedWeight {
  return {
    name,
    shape,
    read: () => Promise.resolve(createHostTensor("float32", shape, values())),
    // oxlint-disable-next-line typescript/require-await -- one piece, at once
    pieces: async function* () {
      yield values();
    },
  };
}

function byName({ tensors, where }: ExternalCheckpoint): ReadonlyMap<string, ExternalTensor> {
  const named = new Map<string, ExternalTensor>();
  for (const tensor of tensors) {
    if (named.has(tensor.name)) throw mismatch(where, `there are two tensors '${tensor.name}'`);
    named.set(tensor.name, tensor);
  }
  return named;
}

/** Caches the last external matrix: parts of a fused matrix are read one after another. */
interface LastTensor {
  name?: string;
  values?: Float32Array;
}

/** Pieces of a weight: checked, shifted and scaled. */
async function* weightPieces(
  source: WeightSource,
  tensor: ExternalTensor,
  last: LastTensor,
  where: string,
): AsyncGenerator<Float32Array> {
  const { shift, scale } = source;
  const count = elementCount(source.parameter.shape);
  const first = source.firstRow * (count / source.parameter.shape[0]!);
  let done = 0;
  for await (const piece of externalPieces(source, tensor, last, where)) {
    for (let index = 0; index < piece.length; index++) {
      const value = (piece[index]! + shift) * scale;
      if (!Number.isFinite(value)) {
        throw new SlmError(
          "DATA_INVALID",
          `${where}: tensor '${tensor.name}' contains ${piece[index]!} at element ${first + done + index}`,
        );
      }
      piece[index] = value;
    }
    done += piece.length;
    if (done > count) break;
    yield piece;
  }
  if (done !== count) throw wrongLength(where, tensor, done);
}

/** Pieces of a whole tensor, or of rows of a fused one. */
async function* externalPieces(
  { parameter, firstRow }: WeightSource,
  tensor: ExternalTensor,
  last: LastTensor,
  where: string,
): AsyncGenerator<Float32Array> {
  const [count, all] = [elementCount(parameter.shape), elementCount(tensor.shape)];
  if (count === all) {
    if (tensor.readPieces === undefined) yield await tensor.read();
    else yield* tensor.readPieces();
    return;
  }
  if (last.name !== tensor.name) Object.assign(last, { name: tensor.name, values: await tensor.read() });
  const values = last.values!;
  if (values.length !== all) throw wrongLength(where, tensor, values.length);
  const start = firstRow * (count / parameter.shape[0]!);
  yield values.slice(start, start + count);
}

async function wholeWeight(
  shape: readonly number[],
  pieces: AsyncIterable<Float32Array>,
): Promise<HostTensor> {
  const count = elementCount(shape);
  let values: Float32Array | undefined;
  let done = 0;
  for await (const piece of pieces) {
    // A tensor in one piece is used without a copy.
    if (values === undefined && piece.length === count) values = piece;
    else (values ??= new Float32Array(count)).set(piece, done);
    done += piece.length;
  }
  return createHostTensor("float32", shape, values ?? new Float32Array(0));
}

const wrongLength = (where: string, { name, shape }: ExternalTensor, got: number): SlmError =>
  mismatch(where, `tensor '${name}' ${sizes(shape)} returned ${got} numbers`);

const sizes = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

const mismatch = (where: string, message: string): SlmError =>
  new SlmError("SHAPE_MISMATCH", `${where}: ${message}`);
