/**
 * Target `cpu`: every op as operators that ONNX Runtime's CPU provider has fast kernels for. Sizes of batch, source,
 * target and cache are read when the graph runs; the shapes that tensors carry while recording are placeholders.
 */
import { SlmError } from "@slm/error";
import { float, int } from "@slm/graph";
import type { Weights } from "@slm/model";
import { CONTRIB, MASKED, type LoweringTable, type Recorder, type Tensor } from "@slm/tensor";
import { attendSource } from "./cross-attention.js";
import { INT32, reshape, transposeAxes } from "./emit.js";
import { GraphWeights } from "./graph-weights.js";
import { attendCached, attendSequence } from "./self-attention.js";

export interface CpuLoweringOptions {
  /** Longest sequence the graph attends over without a cache [tokens]. */
  readonly maxPositions: number;
}

/**
 * The rows of one graph: a table is made for each graph, because it remembers what that graph has stored.
 *
 * Parameters are tensors named as in `weights`. Weight matrices are stored `[in, out]`, except a table that is embedded
 * with before it is multiplied by: that stays `[vocab, width]` and is stored once.
 */
export function cpuLowerings(hostWeights: Weights, { maxPositions }: CpuLoweringOptions): LoweringTable {
  const weights = new GraphWeights(hostWeights);
  let embedded: string | undefined;
  const ids = (): string => {
    if (embedded === undefined) throw new SlmError("UNEXPECTED", "export: attention before any embedding");
    return embedded;
  };

  return {
    embedding: (recorder, inputs) => {
      embedded = recorder.nameOf(inputs.ids);
      return recorder.builder.scope("embedding", () => {
        const table = weights.store(recorder, inputs.table, "as-stored");
        if (table.layout !== "as-stored") {
          throw new SlmError(
            "UNEXPECTED",
            `export: '${table.name}' was multiplied by before it was embedded with`,
          );
        }
        return recorder.record(
          "Gather",
          [table.name, inputs.ids],
          [...inputs.ids.shape, inputs.table.shape[1]!],
        );
      });
    },

    linear: (recorder, { x, weight, bias }) => {
      const shape = [...x.shape.slice(0, -1), weight.shape[0]];
      const product = multiply(recorder, weights, x, weight);
      if (bias === undefined) return recorder.tensor(product, shape);
      return recorder.record("Add", [product, weights.store(recorder, bias, "as-stored").name], shape);
    },

    rmsNorm: (recorder, { x, weight }, { epsilon }) =>
      recorder.record(
        "SimplifiedLayerNormalization",
        [x, weights.store(recorder, weight, "as-stored").name],
        x.shape,
        {
          attributes: { axis: int(-1), epsilon: float(epsilon), stash_type: int(1) },
        },
      ),

    gelu: (recorder, { x }) => recorder.record("FastGelu", [x], x.shape, { domain: CONTRIB }),

    add: (recorder, { a, b }) => recorder.record("Add", [a, b], a.shape),

    selfAttention: (recorder, { query, key, value, lengths, mask }, { causal, rotaryBase, ...layout }) => {
      if (mask !== undefined) {
        throw new SlmError(
          "OP_UNSUPPORTED",
          "export: target cpu pads on the right by lengths, not by a mask",
        );
      }
      const rotary = { positions: maxPositions, base: rotaryBase };
      const output = attendSequence(
        { recorder, weights, ids: ids(), layout, rotary },
        namesOf(recorder, { query, key, value }),
        { causal, lengths: lengths === undefined ? undefined : recorder.nameOf(lengths) },
      );
      return recorder.tensor(output, query.shape);
    },

    cachedAttention: (recorder, inputs, { capacity, rotaryBase, ...layout }) => {
      const { pastKey, pastValue, pastLength } = inputs;
      const present = attendCached(
        { recorder, weights, ids: ids(), layout, rotary: { positions: capacity, base: rotaryBase } },
        namesOf(recorder, inputs),
        namesOf(recorder, { pastKey, pastValue, pastLength }),
      );
      return {
        output: recorder.tensor(present.output, inputs.query.shape),
        presentKey: recorder.tensor(present.presentKey, pastKey.shape),
        presentValue: recorder.tensor(present.presentValue, pastValue.shape),
      };
    },

    crossKey: (recorder, { x }, { kvHeads, headDim }) => {
      const [batch, source] = x.shape as [number, number];
      const apart = reshape(recorder, recorder.nameOf(x), [0, 0, kvHeads, headDim]);
      return recorder.tensor(transposeAxes(recorder, apart, [0, 2, 3, 1]), [batch, kvHeads, headDim, source]);
    },

    crossValue: (recorder, { x }, { kvHeads, headDim }) => {
      const [batch, source] = x.shape as [number, number];
      const apart = reshape(recorder, recorder.nameOf(x), [0, 0, kvHeads, headDim]);
      return recorder.tensor(transposeAxes(recorder, apart, [0, 2, 1, 3]), [batch, kvHeads, source, headDim]);
    },

    lengthBias: (recorder, inputs) => {
      const [batch, source] = inputs.ids.shape as [number, number];
      return recorder.tensor(lengthBias(recorder, inputs), [batch, 1, 1, source]);
    },

    crossAttention: (recorder, inputs, layout) =>
      recorder.tensor(attendSource(recorder, inputs, layout), inputs.query.shape),

    lastPosition: (recorder, { x }) => {
      const last = recorder.builder.constant("int64", [], [-1]);
      return recorder.record("Gather", [x, last], [x.shape[0], x.shape[2]!], {
        attributes: { axis: int(1) },
      });
    },
  };
}

/** x · weightᵀ, by whichever layout the weight is stored in. */
function multiply(recorder: Recorder, weights: GraphWeights, x: Tensor, weight: Tensor): string {
  const { name, layout } = weights.store(recorder, weight, "transposed");
  if (layout === "transposed") return recorder.op("MatMul", [x, name]);
  return recorder.op("FusedMatMul", [x, name], { domain: CONTRIB, attributes: { transB: int(1) } });
}

/** 0 where a position is below its row's length, very negative elsewhere: float32 `[batch, 1, 1, source]`. */
function lengthBias(recorder: Recorder, inputs: { readonly lengths: Tensor; readonly ids: Tensor }): string {
  const { builder } = recorder;
  const scalar = (value: number): string => builder.constant("int32", [], [value]);
  const shape = builder.op("Shape", [recorder.nameOf(inputs.ids)]);
  const size = builder.op("Gather", [shape, builder.constant("int64", [], [1])]);
  const source = builder.op("Cast", [size], { attributes: { to: int(INT32) } });
  const positions = builder.op("Range", [scalar(0), source, scalar(1)]);
  const lengths = reshape(recorder, recorder.nameOf(inputs.lengths), [-1, 1, 1, 1]);
  const isToken = builder.op("Less", [positions, lengths]);
  return builder.op("Where", [
    isToken,
    builder.constant("float32", [], [0]),
    builder.constant("float32", [], [MASKED]),
  ]);
}

function namesOf<Key extends string>(
  recorder: Recorder,
  tensors: Readonly<Record<Key, Tensor>>,
): Readonly<Record<Key, string>> {
  const names = Object.entries<Tensor>(tensors).map(([key, tensor]) => [key, recorder.nameOf(tensor)]);
  return Object.fromEntries(names) as Record<Key, string>;
}
