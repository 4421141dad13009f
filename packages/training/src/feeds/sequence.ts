/**
 * How a decoder-only model reads a pair: one sequence, padded on the right.
 *
 *   inputs     s1 ... sn  BOS  t1 ... tm
 *   predicts               t1  t2 ... EOS      (at m + 1 positions, from BOS on)
 */
import { createHostTensor, type HostTensor } from "@slm/runtime";

export interface SequenceBatch {
  /** int32 `[batch, length]` */
  readonly inputs: HostTensor;
  /** int32 `[batch · target]`: row of the flattened `[batch · length]` hidden states that predicts each label. */
  readonly positions: HostTensor;
}

/** Arranges pairs for a program with `batch` rows and `source` + `target` positions; missing rows are padding. */
export function sequenceBatch(
  pairs: readonly { readonly source: ArrayLike<number>; readonly target: ArrayLike<number> }[],
  shape: { readonly batch: number; readonly source: number; readonly target: number },
  { pad, bos }: { readonly pad: number; readonly bos: number },
): SequenceBatch {
  const length = shape.source + shape.target;
  const inputs = new Int32Array(shape.batch * length).fill(pad);
  const positions = new Int32Array(shape.batch * shape.target);
  pairs.forEach(({ source, target }, row) => {
    const start = row * length;
    inputs.set(source, start);
    inputs[start + source.length] = bos;
    inputs.set(target, start + source.length + 1);
    for (let i = 0; i < shape.target; i++)
      positions[row * shape.target + i] = start + Math.min(source.length + i, length - 1);
  });
  return {
    inputs: createHostTensor("int32", [shape.batch, length], inputs),
    positions: createHostTensor("int32", [shape.batch * shape.target], positions),
  };
}
