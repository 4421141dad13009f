/**
 * Adds a model's lexical shortlist to its graphs: the encoder computes which tokens can answer its source, and the decoder multiplies only
 * their rows, a few hundred, with the hidden state.
 *
 * ```
 * source_ids ─► Gather (tokens of each source token) ─► Reshape [batch, tokens] ─┐
 * MASKED, and 0 at the tokens that always may ─► Expand [batch, vocab] ──────────► ScatterElements of zeros ─► lexical_bias
 *
 * lexical_bias ─► sum of each column ─► NonZero ─► ids of any row ─► Gather (rows and biases of the head) ─► Gemm with the last hidden state ─┐
 * lexical_bias ─────────────────────────────────────────────────────────────────────────────────► ScatterElements of these at the ids ─► logits
 * ```
 */
import type { LexicalShortlist } from "@slm/generation";
import { SlmError } from "@slm/core";
import { LEXICAL_MASKED, LISTED } from "@slm/exported-model";
import { headWeight, OPTIONAL_WEIGHTS, type ModelConfig } from "@slm/model";
import { int, packValues, type NodeOptions } from "@slm/onnx";
import type { Recorder, Tensor } from "@slm/tensor";
import { cast, concat, reshape, shapeOf } from "../lowerings/emit.js";
import type { Recording } from "./record.js";

/** Most tokens per source token. The graph's table has as many columns as the longest list. */
const MOST_TOKENS = 1024;

/**
 * Emits the bias that is added to logits, `[batch, vocab]`.
 *
 * @throws SlmError DATA_INVALID for a list without a token that is always allowed, or with too many for one source token
 */
export function lexicalBias(
  recorder: Recorder,
  { always, offsets, tokens }: LexicalShortlist,
  ids: Tensor,
): Tensor {
  const { builder } = recorder;
  const vocabulary = offsets.length - 1;
  const [filling] = always;
  if (filling === undefined)
    throw new SlmError("DATA_INVALID", "export: the lexical shortlist has no token that is always allowed");
  const columns = offsets.reduce((most, offset, at) => Math.max(most, offset - (offsets[at - 1] ?? 0)), 1);
  if (columns > MOST_TOKENS)
    throw new SlmError(
      "DATA_INVALID",
      `export: the lexical shortlist has ${columns} tokens for one source token, at most ${MOST_TOKENS} are supported`,
    );
  const rows = new Int32Array(vocabulary * columns).fill(filling);
  for (let token = 0; token < vocabulary; token++)
    rows.set(tokens.subarray(offsets[token], offsets[token + 1]), token * columns);
  const base = new Float32Array(vocabulary).fill(LEXICAL_MASKED);
  for (const token of always) base[token] = 0;
  const table = builder.initializer(
    "lexical.tokens",
    "int32",
    [vocabulary, columns],
    new Uint8Array(rows.buffer),
  );
  const masked = builder.initializer(
    "lexical.base",
    "float32",
    [1, vocabulary],
    packValues("float32", [...base]),
  );
  const name = recorder.nameOf(ids);
  const listed = reshape(recorder, builder.op("Gather", [table, name]), [0, -1]);
  const size = concat(recorder, [shapeOf(recorder, name, 0), builder.ints([vocabulary])], 0);
  const zeros = builder.op("ConstantOfShape", [builder.op("Shape", [listed])]);
  const bias = builder.op("ScatterElements", [builder.op("Expand", [masked, size]), listed, zeros], {
    attributes: { axis: int(1) },
  });
  return recorder.tensor(bias, [ids.shape[0], vocabulary]);
}

/** Emits logits `[batch, vocab]` of the last position `[batch, width]`, MASKED at tokens that are not allowed. */
export function lexicalLogits(
  { recorder, parameters, weightOf }: Recording,
  config: ModelConfig,
  hidden: Tensor,
  bias: Tensor,
): Tensor {
  const { builder } = recorder;
  const scalar = (value: number): string => builder.constant("float32", [], [value]);
  const masked = recorder.nameOf(bias);
  // A product sums the columns: ONNX Runtime's ReduceMax over rows takes ten times as long. If all rows are masked the sum is rows ·
  // MASKED.
  const batch = shapeOf(recorder, masked, 0);
  const ones = builder.op("Expand", [scalar(1), concat(recorder, [builder.ints([1]), batch], 0)]);
  const total = builder.op("MatMul", [ones, masked]);
  const rowsLess = builder.op("Sub", [cast(recorder, batch, "float32"), scalar(1 / 2)]);
  const least = builder.op("Mul", [rowsLess, scalar(LEXICAL_MASKED)]);
  const seen = reshape(recorder, builder.op("Greater", [total, least]), [-1]);
  const found = builder.op("NonZero", [seen]);
  // Fixed names: a host computes the values that depend only on the source once (see LISTED).
  const named = (
    output: string,
    opType: string,
    inputs: readonly string[],
    attributes: NodeOptions["attributes"] = {},
  ): string => builder.node(opType, inputs, { outputs: [output], attributes })[0]!;
  const ids = named(LISTED.ids, "Reshape", [found, builder.ints([-1])]);
  const head = weightOf(parameters[headWeight(config)]!);
  const rows = named(LISTED.rows, "Gather", [head, ids], { axis: int(0) });
  // A token that is allowed only in another row of the batch stays masked in this one.
  const added = parameters[OPTIONAL_WEIGHTS.headBias];
  const shifts = added === undefined ? scalar(0) : builder.op("Gather", [weightOf(added), ids]);
  const own = builder.op("Gather", [masked, ids], { attributes: { axis: int(1) } });
  const shift = named(LISTED.bias, "Add", [own, shifts]);
  const listed = named(LISTED.logits, "Gemm", [recorder.nameOf(hidden), rows, shift], { transB: int(1) });
  const places = builder.op("Expand", [reshape(recorder, ids, [1, -1]), builder.op("Shape", [listed])]);
  const logits = builder.op("ScatterElements", [masked, places, listed], { attributes: { axis: int(1) } });
  return recorder.tensor(logits, bias.shape);
}
