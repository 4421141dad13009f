/** Reads next-token distributions of a reference implementation from a file. README.md describes the layout. */
import { SlmError } from "@slm/core";
import { readSafetensors } from "@slm/checkpoints";
import { createHostTensor, type HostTensor } from "@slm/runtime";

/** The reference's distribution at one position. */
export type ReferencePosition =
  /** Logits, or log-probabilities, of every token. */
  | { readonly kind: "logits" | "logProbabilities"; readonly values: Float32Array }
  /** The top-k tokens, and the tail mass. */
  | {
      readonly kind: "top";
      readonly ids: Int32Array;
      readonly logProbabilities: Float32Array;
      readonly tail: number;
    };

interface ReferenceRow {
  readonly ids: Int32Array;
  /** One entry per id: the distribution of the next token. */
  position(index: number): ReferencePosition;
}

export interface Reference {
  /** Positions of the longest row. */
  readonly length: number;
  readonly rows: readonly ReferenceRow[];
}

/**
 * Reads a reference and checks it against a vocabulary.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID for tensors that are missing or have invalid numbers, SHAPE_MISMATCH for
 * shapes that do not match each other or the vocabulary.
 */
export async function readReference(file: string, vocabulary: number): Promise<Reference> {
  const { tensors } = await readSafetensors(file);
  const ids = take(tensors, "ids", "int32", [null, null], file);
  const [count, length] = ids.shape as [number, number];
  const lengths =
    tensors.get("lengths") === undefined
      ? new Int32Array(count).fill(length)
      : (take(tensors, "lengths", "int32", [count], file).data as Int32Array);
  const all = ids.data as Int32Array;
  if (count === 0 || lengths.some((own) => own < 1 || own > length)) {
    throw invalid(file, `lengths should be from 1 to ${length}, for at least one row`);
  }
  if (all.some((id) => id < 0 || id >= vocabulary))
    throw invalid(file, `ids should be from 0 to ${vocabulary - 1}`);
  const positionAt = positionsOf(tensors, [count, length, vocabulary], file);
  const rows = Array.from({ length: count }, (_, row) => ({
    ids: all.slice(row * length, row * length + lengths[row]!),
    position: (index: number) => positionAt(row * length + index),
  }));
  return { length: Math.max(...lengths), rows };
}

type Tensors = ReadonlyMap<string, HostTensor>;

/** Kinds of distributions, by the tensor that identifies them. */
const KINDS = ["logits", "logProbabilities", "topIds"] as const;

function positionsOf(
  tensors: Tensors,
  [count, length, vocabulary]: readonly [number, number, number],
  file: string,
): (at: number) => ReferencePosition {
  const found = KINDS.filter((kind) => tensors.has(kind));
  const [kind] = found;
  if (kind === undefined || found.length > 1) {
    throw invalid(file, `should contain one of ${KINDS.join(", ")}, has ${found.join(" and ") || "none"}`);
  }
  if (kind !== "topIds") {
    const values = take(tensors, kind, "float32", [count, length, vocabulary], file).data as Float32Array;
    return (at) => ({ kind, values: values.subarray(at * vocabulary, (at + 1) * vocabulary) });
  }
  const top = take(tensors, "topIds", "int32", [count, length, null], file);
  const k = top.shape[2]!;
  const ids = top.data as Int32Array;
  const shares = take(tensors, "topLogProbabilities", "float32", [count, length, k], file)
    .data as Float32Array;
  const tail = take(tensors, "tail", "float32", [count, length], file).data as Float32Array;
  if (k === 0 || ids.some((id) => id < 0 || id >= vocabulary)) {
    throw invalid(file, `topIds should be at least one id from 0 to ${vocabulary - 1} for each position`);
  }
  // Written so that NaN is rejected too.
  if (!tail.every((mass) => mass >= 0 && mass <= 1)) throw invalid(file, "tail should be probabilities");
  return (at) => ({
    kind: "top",
    ids: ids.subarray(at * k, (at + 1) * k),
    logProbabilities: shares.subarray(at * k, (at + 1) * k),
    tail: tail[at]!,
  });
}

function take(
  tensors: Tensors,
  name: string,
  dtype: "int32" | "float32",
  shape: readonly (number | null)[],
  file: string,
): HostTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw invalid(file, `tensor '${name}' is missing`);
  const fits =
    tensor.dtype === dtype &&
    tensor.shape.length === shape.length &&
    shape.every((size, axis) => size === null || size === tensor.shape[axis]);
  if (fits) return createHostTensor(dtype, tensor.shape, tensor.data);
  const wanted = shape.map((size) => size ?? "*").join(", ");
  throw new SlmError(
    "SHAPE_MISMATCH",
    `${file}: '${name}' should be ${dtype} [${wanted}], got ${tensor.dtype} [${tensor.shape.join(", ")}]`,
  );
}

const invalid = (file: string, message: string): SlmError =>
  new SlmError("DATA_INVALID", `${file}: ${message}`);
