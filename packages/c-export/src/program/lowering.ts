/** The op set as nodes of a program for one text: what the target "c" has in its lowering table. */
import { SlmError } from "@slm/core";
import type {
  HeadLayout,
  LoweringTable,
  MergedSource,
  OpName,
  OptionalRotation,
  PositionAttributes,
  Recorder,
  Rotation,
  ScoreAttributes,
  Tensor,
} from "@slm/tensor";
import type { RowCount } from "./kernels.js";
import type { ActivationKind, Node, RelativeSpec, SourceKeys, Store, Value } from "./nodes.js";

/** Records nodes, and knows which value or store each tensor stands for. */
export class ProgramRecorder {
  readonly #operands = new Map<string, Value | Store>();
  nodes: Node[] = [];
  /** Where the sequence that is recorded starts. */
  start: RowCount = { of: "none" };

  /** A tensor that stands for a value; its sizes are placeholders, except for the width. */
  tensorOf(recorder: Recorder, operand: Value | Store): Tensor {
    const name = `operand${this.#operands.size}`;
    this.#operands.set(name, operand);
    return recorder.tensor(name, [1, 1, operand.width]);
  }

  valueOf(recorder: Recorder, tensor: Tensor): Value {
    const found = this.#operandOf(recorder, tensor);
    if ("kind" in found) throw new SlmError("UNEXPECTED", "export: expected rows of values, got a store");
    return found;
  }

  storeOf(recorder: Recorder, tensor: Tensor): Store {
    const found = this.#operandOf(recorder, tensor);
    if (!("kind" in found)) throw new SlmError("UNEXPECTED", "export: expected a store, got rows of values");
    return found;
  }

  #operandOf(recorder: Recorder, tensor: Tensor): Value | Store {
    const found = this.#operands.get(recorder.nameOf(tensor));
    if (found === undefined)
      throw new SlmError("UNEXPECTED", `export: ${recorder.nameOf(tensor)} is not a value of the program`);
    return found;
  }

  /** Adds a node that writes a new value. */
  emit(recorder: Recorder, value: Value, node: (out: Value) => Node): Tensor {
    this.nodes.push(node(value));
    return this.tensorOf(recorder, value);
  }
}

/** Ops of images are not lowered to C. */
function refused(op: OpName): () => never {
  return () => {
    throw new SlmError("OP_UNSUPPORTED", `export: target c has no kernel for '${op}'`, {
      suggestions: ["slm export CHECKPOINT --target cpu"],
    });
  };
}

/** One row per op. */
export function loweringTable(program: ProgramRecorder): LoweringTable {
  const like = (x: Value, width = x.width): Value => ({ rows: x.rows, width });
  const activation =
    (kind: ActivationKind) =>
    (
      recorder: Recorder,
      { x: tensor }: { readonly x: Tensor },
      { limit = 0 }: { readonly limit?: number },
    ): Tensor => {
      const x = program.valueOf(recorder, tensor);
      return program.emit(recorder, like(x), (out) => ({ op: "activate", kind, limit, x, out }));
    };
  const pairwise =
    (op: "add" | "multiply") =>
    (recorder: Recorder, { a: first, b: second }: { readonly a: Tensor; readonly b: Tensor }): Tensor => {
      const [a, b] = [program.valueOf(recorder, first), program.valueOf(recorder, second)];
      return program.emit(recorder, like(a), (out) => ({ op, a, b, out }));
    };
  const nameOf = (recorder: Recorder, tensor: Tensor | undefined): string | undefined =>
    tensor === undefined ? undefined : recorder.nameOf(tensor);
  const rmsNorm = (
    recorder: Recorder,
    tensors: { readonly x: Tensor; readonly weight: Tensor },
    epsilon: number,
    headDim?: number,
  ): Tensor => {
    const x = program.valueOf(recorder, tensors.x);
    const gain = recorder.nameOf(tensors.weight);
    return program.emit(recorder, like(x), (out) => ({
      op: "rmsNorm",
      x,
      gain,
      epsilon,
      size: headDim ?? x.width,
      out,
    }));
  };
  return {
    embedding: (recorder, { table, ids }) => {
      const value = { rows: program.valueOf(recorder, ids).rows, width: table.shape[1]! };
      return program.emit(recorder, value, (out) => ({
        op: "embed",
        table: recorder.nameOf(table),
        vocabulary: table.shape[0],
        out,
      }));
    },
    positionRows: (recorder, { table, sequence }) => {
      const { rows } = program.valueOf(recorder, sequence);
      return program.emit(recorder, { rows, width: table.shape[1]! }, (out) => ({
        op: "positionRows",
        table: recorder.nameOf(table),
        start: program.start,
        out,
      }));
    },
    linear: (recorder, { x: tensor, weight, bias }) => {
      const x = program.valueOf(recorder, tensor);
      return program.emit(recorder, like(x, weight.shape[0]), (out) => ({
        op: "linear",
        x,
        matrix: { parts: [recorder.nameOf(weight)] },
        bias: [nameOf(recorder, bias)],
        accumulates: false,
        out,
      }));
    },
    rmsNorm: (recorder, tensors, { epsilon }) => rmsNorm(recorder, tensors, epsilon),
    qkNorm: (recorder, tensors, { epsilon, headDim }) => rmsNorm(recorder, tensors, epsilon, headDim),
    layerNorm: (recorder, { x: tensor, weight, bias }, { epsilon }) => {
      const x = program.valueOf(recorder, tensor);
      return program.emit(recorder, like(x), (out) => ({
        op: "layerNorm",
        x,
        gain: recorder.nameOf(weight),
        bias: recorder.nameOf(bias),
        epsilon,
        out,
      }));
    },
    silu: activation("silu"),
    gelu: activation("gelu"),
    erfGelu: activation("erfGelu"),
    quickGelu: activation("quickGelu"),
    relu: activation("relu"),
    softcap: activation("softcap"),
    multiply: pairwise("multiply"),
    add: pairwise("add"),
    poolTokens: (recorder, { x: tensor, lengths, mask }, { group }) => {
      const x = program.valueOf(recorder, tensor);
      if (x.rows.of !== "source")
        throw new SlmError("OP_UNSUPPORTED", "export: target c pools tokens of the source only");
      const value: Value = { rows: { of: "source", group: x.rows.group * group }, width: x.width };
      const tokens = program.emit(recorder, value, (out) => ({ op: "pool", x, group, out }));
      return { tokens, ...(lengths && { lengths }), ...(mask && { mask }) };
    },
    selfAttention: (recorder, inputs, attributes) => {
      if (inputs.sourceKey !== undefined)
        throw new SlmError("OP_UNSUPPORTED", "export: target c has no merged attention over whole targets");
      const value = program.valueOf(recorder, inputs.value);
      const rotated = rotatedHeads(program, recorder, inputs, attributes);
      const keys: Store = { kind: "keys", width: value.width, of: "source", isKept: false };
      program.nodes.push({ op: "store", x: rotated.key, start: { of: "none" }, store: keys });
      const { window, windowAfter, causal } = attributes;
      const after = causal ? 0 : (windowAfter ?? (window === undefined ? -1 : window - 1));
      return program.emit(recorder, like(rotated.query), (out) => ({
        op: "attend",
        query: rotated.query,
        start: { of: "none" },
        keys,
        values: value,
        count: value.rows,
        ...scoresOf(recorder, inputs.relativeBias, attributes, !causal),
        after,
        out,
      }));
    },
    cachedAttention: (recorder, inputs, attributes) => {
      const [keys, values] = [
        program.storeOf(recorder, inputs.pastKey),
        program.storeOf(recorder, inputs.pastValue),
      ];
      const rotated = rotatedHeads(program, recorder, inputs, attributes);
      const start = { of: "past" } as const;
      program.nodes.push(
        { op: "store", x: rotated.key, start, store: keys },
        { op: "store", x: program.valueOf(recorder, inputs.value), start, store: values },
      );
      const output = program.emit(recorder, like(rotated.query), (out) => ({
        op: "attend",
        query: rotated.query,
        start,
        keys,
        values,
        count: { of: "total" },
        source: sourceOf(program, recorder, inputs),
        ...scoresOf(recorder, inputs.relativeBias, attributes, false),
        after: 0,
        out,
      }));
      return { output, presentKey: inputs.pastKey, presentValue: inputs.pastValue };
    },
    recurrence: (recorder, inputs) => {
      if (inputs.pastState === undefined)
        throw new SlmError("OP_UNSUPPORTED", "export: target c has no recurrence over whole targets");
      const [x, gate] = [program.valueOf(recorder, inputs.x), program.valueOf(recorder, inputs.gate)];
      const states = program.emit(recorder, like(x), (out) => ({
        op: "recurrence",
        x,
        gate,
        states: program.storeOf(recorder, inputs.pastState!),
        out,
      }));
      return { states, presentState: inputs.pastState };
    },
    crossKey: (recorder, { x: tensor }) => {
      const x = program.valueOf(recorder, tensor);
      const store: Store = { kind: "keys", width: x.width, of: "source", isKept: true };
      program.nodes.push({ op: "store", x, start: { of: "none" }, store });
      return program.tensorOf(recorder, store);
    },
    crossValue: (recorder, { x }) => program.tensorOf(recorder, program.valueOf(recorder, x)),
    // One text has no padding.
    lengthBias: (recorder) => program.tensorOf(recorder, { rows: { of: "none" }, width: 1 }),
    crossAttention: (recorder, { query: tensor, key, value }, { softcap = 0, ...layout }) => {
      const query = program.valueOf(recorder, tensor);
      const values = program.valueOf(recorder, value);
      return program.emit(recorder, like(query), (out) => ({
        op: "attend",
        query,
        start: { of: "none" },
        keys: program.storeOf(recorder, key),
        values,
        count: values.rows,
        layout,
        softcap,
        before: -1,
        after: -1,
        relative: undefined,
        out,
      }));
    },
    lastPosition: (recorder, { x: tensor }) => {
      const x = program.valueOf(recorder, tensor);
      return program.emit(recorder, { rows: { of: "wanted" }, width: x.width }, (out) => ({
        op: "lastRows",
        x,
        out,
      }));
    },
    concatTokens: refused("concatTokens"),
    tokensFrom: refused("tokensFrom"),
    mixTokens: refused("mixTokens"),
    shiftGrid: refused("shiftGrid"),
  };
}

/** The source of merged attention; undefined in other models. */
function sourceOf(
  program: ProgramRecorder,
  recorder: Recorder,
  { sourceKey, sourceValue }: MergedSource,
): SourceKeys | undefined {
  if (sourceKey === undefined || sourceValue === undefined) return undefined;
  return { keys: program.storeOf(recorder, sourceKey), values: program.valueOf(recorder, sourceValue) };
}

type Heads = Readonly<Record<"query" | "key", Tensor>>;

/** Query and key, rotated where the attention has rotary positions. */
function rotatedHeads(
  program: ProgramRecorder,
  recorder: Recorder,
  { query, key }: Heads,
  { heads, kvHeads, headDim, ...positions }: HeadLayout & OptionalRotation,
): Readonly<Record<"query" | "key", Value>> {
  const turned = (tensor: Tensor, count: number): Value => {
    const x = program.valueOf(recorder, tensor);
    const { ropeTheta, ropeInverseFrequencies } = positions;
    if (ropeTheta === undefined) return x;
    const rotation: Rotation = { ropeTheta, ropeInverseFrequencies };
    const out: Value = { rows: x.rows, width: x.width };
    program.nodes.push({ op: "rotate", x, start: program.start, heads: count, headDim, rotation, out });
    return out;
  };
  return { query: turned(query, heads), key: turned(key, kvHeads) };
}

/** How an attention's scores are made; `before` is its window. */
function scoresOf(
  recorder: Recorder,
  table: Tensor | undefined,
  {
    heads,
    kvHeads,
    headDim,
    headOrder,
    window,
    softcap = 0,
    relative,
  }: HeadLayout & PositionAttributes & ScoreAttributes,
  isBidirectional: boolean,
): {
  readonly layout: HeadLayout;
  readonly softcap: number;
  readonly before: number;
  readonly relative: RelativeSpec | undefined;
} {
  return {
    layout: { heads, kvHeads, headDim, headOrder },
    softcap,
    before: window === undefined ? -1 : window - 1,
    relative:
      table === undefined || relative === undefined
        ? undefined
        : { ...relative, table: recorder.nameOf(table), isBidirectional },
  };
}
