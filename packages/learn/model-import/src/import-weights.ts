/** Reads foreign tensors as our weights, one at a time, and checks that each is used and each is whole. */
import { SlmError } from "@slm/error";
import type { ForeignCheckpoint, ForeignTensor } from "@slm/model";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import type { ImportedConfig } from "./import-config.js";
import { weightSources, type WeightSource } from "./weight-sources.js";

/** A parameter whose numbers are read when they are asked for. */
export interface ImportedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** float32. @throws SlmError DATA_INVALID for numbers that are not finite, and what the file's reader throws. */
  read(): Promise<HostTensor>;
}

/** Tensors of some checkpoints that models compute for themselves. */
const COMPUTED = /\.rotary_emb\.inv_freq$/;

/**
 * Every parameter of the model, in its order.
 *
 * @throws SlmError SHAPE_MISMATCH naming the first tensor that is missing, misshapen or of no use to this model.
 */
export function importWeights(
  foreign: ForeignCheckpoint,
  imported: ImportedConfig,
): readonly ImportedWeight[] {
  const { where } = foreign;
  const tensors = byName(foreign);
  const used = new Set<string>();
  const last: LastTensor = {};
  const weights = weightSources(imported).map((source) => {
    const tensor = tensors.get(source.name);
    if (tensor === undefined)
      throw mismatch(where, `tensor '${source.name}' ${sizes(source.shape)} is missing`);
    if (tensor.shape.join() !== source.shape.join()) {
      throw mismatch(
        where,
        `tensor '${source.name}' should be ${sizes(source.shape)} by config.json, got ${sizes(tensor.shape)}`,
      );
    }
    used.add(source.name);
    const { name, shape } = source.parameter;
    return { name, shape, read: () => readWeight(source, tensor, last, where) };
  });
  for (const { name } of foreign.tensors) {
    const isTied = name === "lm_head.weight" && imported.config.untiedHead !== true;
    if (!used.has(name) && !isTied && !COMPUTED.test(name))
      throw mismatch(where, `tensor '${name}' has no use in this model`);
  }
  return weights;
}

function byName({ tensors, where }: ForeignCheckpoint): ReadonlyMap<string, ForeignTensor> {
  const named = new Map<string, ForeignTensor>();
  for (const tensor of tensors) {
    if (named.has(tensor.name)) throw mismatch(where, `there are two tensors '${tensor.name}'`);
    named.set(tensor.name, tensor);
  }
  return named;
}

/** The foreign matrix read last: parts of a fused one follow each other. */
interface LastTensor {
  name?: string;
  values?: Float32Array;
}

async function readWeight(
  source: WeightSource,
  tensor: ForeignTensor,
  last: LastTensor,
  where: string,
): Promise<HostTensor> {
  const { parameter, firstRow, shift, scale } = source;
  const count = elementCount(parameter.shape);
  const isWhole = count === elementCount(tensor.shape);
  if (!isWhole && last.name !== tensor.name)
    Object.assign(last, { name: tensor.name, values: await tensor.read() });
  const values = isWhole ? await tensor.read() : last.values!;
  if (values.length !== elementCount(tensor.shape)) {
    throw mismatch(where, `tensor '${tensor.name}' ${sizes(tensor.shape)} gave ${values.length} numbers`);
  }
  const width = count / parameter.shape[0]!;
  const part = isWhole ? values : values.slice(firstRow * width, firstRow * width + count);
  for (let index = 0; index < part.length; index++) {
    const value = (part[index]! + shift) * scale;
    if (!Number.isFinite(value)) {
      throw new SlmError(
        "DATA_INVALID",
        `${where}: tensor '${tensor.name}' holds ${part[index]!} at element ${firstRow * width + index}`,
      );
    }
    part[index] = value;
  }
  return createHostTensor("float32", parameter.shape, part);
}

const sizes = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

const mismatch = (where: string, message: string): SlmError =>
  new SlmError("SHAPE_MISMATCH", `${where}: ${message}`);
