/**
 * The layout of weights and moments on the device. Large tensors are separate. Small ones are packed into flat chunks, so that the optimizer
 * needs a few nodes over long vectors instead of a dozen nodes per bias.
 */
import { SlmError } from "@slm/core";
import {
  MODEL_MODULES,
  parameterSpecs,
  moduleOf,
  type ModelConfig,
  type ModelModule,
  type ParameterSpec,
  type Weights,
} from "@slm/model";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import { math, type Tensor, type TensorSpec } from "@slm/tensor";

/** Tensors of at least this many elements get their own chunk, because packing would copy them in each step. */
const LARGE = 1 << 16;
/** Largest packed chunk [elements], so that it stays in a core's cache during the optimizer step. */
const CHUNK = 1 << 18;

/** Kind of a weight for the optimizer: matrices of the layers, other matrices (embeddings, adapters), or norms and biases. */
const CHUNK_KINDS = ["layers", "matrices", "vectors"] as const;
type ChunkKind = (typeof CHUNK_KINDS)[number];

export interface Chunk {
  readonly name: string;
  readonly kind: ChunkKind;
  /** The chunk's module, because modules may be trained differently. */
  readonly part: ModelModule;
  /** Its learning-rate group; undefined: the schedule's rate. */
  readonly group: string | undefined;
  readonly specs: readonly ParameterSpec[];
  readonly size: number;
}

/** Whether weight decay applies: to matrices, not to norms and biases. */
export const decays = ({ kind }: Chunk): boolean => kind !== "vectors";

/**
 * Matrices of a model's layers, including patch embedding and projector. They multiply dense inputs, unlike token embeddings, which
 * are looked up.
 */
const LAYER_WEIGHT = /(\.layers\.\d+\.|^vision\.)[^/]*\.weight$/u;

const kindOf = ({ name, shape }: ParameterSpec): ChunkKind => {
  if (shape.length < 2) return "vectors";
  return LAYER_WEIGHT.test(name) ? "layers" : "matrices";
};

/** The learning-rate group of a parameter, by its name; undefined: the schedule's rate. */
export type GroupOf = (parameter: string) => string | undefined;

const noGroups: GroupOf = () => undefined;

/** Chunks of a model's parameters, in a fixed order that depends only on its configuration and its learning-rate groups. */
export const planChunks = (config: ModelConfig, groupOf?: GroupOf): Chunk[] =>
  chunksOf(parameterSpecs(config), { groupOf });

/** Chunks of parameters; `prefix` separates the names of two sets. */
export function chunksOf(
  all: readonly ParameterSpec[],
  {
    prefix = "",
    groupOf = noGroups,
  }: { readonly prefix?: string; readonly groupOf?: GroupOf | undefined } = {},
): Chunk[] {
  const chunks: Chunk[] = [];
  const groups = [...new Set(all.map(({ name }) => groupOf(name)))];
  for (const kind of CHUNK_KINDS) {
    for (const part of MODEL_MODULES) {
      for (const group of groups) {
        const specs = all.filter(
          (spec) => kindOf(spec) === kind && moduleOf(spec.name) === part && groupOf(spec.name) === group,
        );
        // Sorted by shape, so that an optimizer can process equal shapes as one stack of matrices.
        for (const members of cut(groupByShape(specs))) {
          const size = members.reduce((sum, { shape }) => sum + elementCount(shape), 0);
          const name = `${prefix}${kind}.${chunks.length}`;
          chunks.push({ name, kind, part, group, specs: members, size });
        }
      }
    }
  }
  return chunks;
}

/** Large tensors in their own chunks, small ones packed. */
function cut(specs: readonly ParameterSpec[]): ParameterSpec[][] {
  const groups: ParameterSpec[][] = [];
  let open: ParameterSpec[] = [];
  let size = 0;
  for (const spec of specs) {
    const count = elementCount(spec.shape);
    if (count >= LARGE) {
      groups.push([spec]);
      continue;
    }
    if (size + count > CHUNK) {
      groups.push(open);
      open = [];
      size = 0;
    }
    open.push(spec);
    size += count;
  }
  return open.length === 0 ? groups : [...groups, open];
}

function groupByShape(specs: readonly ParameterSpec[]): ParameterSpec[] {
  const groups = new Map<string, ParameterSpec[]>();
  for (const spec of specs) {
    const key = spec.shape.join("x");
    groups.set(key, [...(groups.get(key) ?? []), spec]);
  }
  return [...groups.values()].flat();
}

/** Program input for a chunk's weights. */
export const valueInput = (chunk: Chunk): string => `state.${chunk.name}.value`;

/** Program inputs for the weights. */
export function valueSpecs(chunks: readonly Chunk[]): Record<string, TensorSpec> {
  return Object.fromEntries(
    chunks.map((chunk) => [valueInput(chunk), { dtype: "float32", shape: [chunk.size] }]),
  );
}

/** Parameters by name, as views of the chunks. */
export function unpackParameters(
  chunks: readonly Chunk[],
  inputs: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const parameters: Record<string, Tensor> = {};
  for (const chunk of chunks) {
    const parts = math.split(
      inputs[valueInput(chunk)]!,
      chunk.specs.map(({ shape }) => elementCount(shape)),
      0,
    );
    chunk.specs.forEach(({ name, shape }, index) => (parameters[name] = math.reshape(parts[index]!, shape)));
  }
  return parameters;
}

/** Combines tensors by name into one flat tensor per chunk. */
export function packTensors(chunk: Chunk, tensors: Readonly<Record<string, Tensor>>): Tensor {
  return math.concat(
    chunk.specs.map(({ name, shape }) => math.reshape(tensors[name]!, [elementCount(shape)])),
    0,
  );
}

/** A chunk's weights in host memory. */
export function packWeights(chunk: Chunk, weights: Weights): HostTensor {
  const values = new Float32Array(chunk.size);
  let offset = 0;
  for (const { name } of chunk.specs) {
    const data = weights.get(name)!.data as Float32Array;
    values.set(data, offset);
    offset += data.length;
  }
  return createHostTensor("float32", [chunk.size], values);
}

/** Copies a tensor out of a chunk's values. @param name name of one of its parameters */
export function unpackTensor(chunk: Chunk, values: HostTensor, name: string): HostTensor {
  let offset = 0;
  for (const spec of chunk.specs) {
    const size = elementCount(spec.shape);
    if (spec.name === name)
      return createHostTensor(
        "float32",
        spec.shape,
        (values.data as Float32Array).slice(offset, offset + size),
      );
    offset += size;
  }
  throw new SlmError("UNEXPECTED", `training: chunk '${chunk.name}' has no parameter '${name}'`);
}
