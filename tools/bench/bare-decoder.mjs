/**
 * A decoder's step with nothing but the operators that it cannot do without: 4-bit products, attention over caches that are written in
 * place, attention over a source whose keys lie transposed already. Weights are random; embedding and masks are left out. What an
 * exported decoder takes is measured against it.
 */
import { encodeModel, float, GraphBuilder, int } from "@slm/onnx";
import ort from "onnxruntime-node";

const MICROSOFT = "com.microsoft";
const BITS = 4;
const BLOCK = 32;

/**
 * @param shape a checkpoint's config.json: width, heads, kvHeads, headDim, feedForward, decoderLayers, vocabularySize
 * @param {{ source: number, past: number, capacity: number }} sizes
 * @returns the encoded model, feeds and fetches of one step, and the bytes of the weights that the step reads
 */
export function bareDecoder(shape, { source, past, capacity }) {
  const { width, heads, kvHeads, headDim, feedForward, decoderLayers, vocabularySize } = shape;
  const g = new GraphBuilder("bare-decoder");
  const feeds = {};
  const fetches = {};
  let bytes = 0;
  let count = 0;

  const weight = (dtype, dims, data) => {
    bytes += data.byteLength;
    return g.initializer(`weight.${count++}`, dtype, dims, data);
  };
  const micro = (operator, inputs, attributes = {}) =>
    g.op(operator, inputs, { domain: MICROSOFT, attributes });
  const input = (name, dims, data) => {
    feeds[name] = new ort.Tensor("float32", data ?? noise(product(dims), 0.1), dims);
    return g.input(name, "float32", dims);
  };
  const integer = (name, value) => {
    feeds[name] = new ort.Tensor("int32", Int32Array.of(value), [1]);
    return g.input(name, "int32", [1]);
  };
  const linear = (x, inner, columns, hasBias = true) => {
    const blocks = inner / BLOCK;
    const codes = weight(
      "uint8",
      [columns, blocks, (BLOCK * BITS) / 8],
      octets((columns * inner * BITS) / 8),
    );
    const scales = weight("float32", [columns * blocks], noise(columns * blocks, 0.01));
    const y = micro("MatMulNBits", [x, codes, scales], {
      K: int(inner),
      N: int(columns),
      bits: int(BITS),
      block_size: int(BLOCK),
      accuracy_level: int(4),
    });
    return hasBias ? g.op("Add", [y, weight("float32", [columns], noise(columns, 0.01))]) : y;
  };
  const norm = (x) => {
    const gain = weight("float32", [width], new Float32Array(width).fill(1));
    return g.op("SimplifiedLayerNormalization", [x, gain], {
      attributes: { axis: int(-1), epsilon: float(1e-6) },
    });
  };

  let x = input("x", [1, 1, width], noise(width, 1));
  const last = integer("last", past);
  const total = integer("total", past + 1);
  const angles = [capacity, headDim / 2];
  const cosines = weight("float32", angles, noise(product(angles), 2));
  const sines = weight("float32", angles, noise(product(angles), 2));

  for (let layer = 0; layer < decoderLayers; layer++) {
    const normed = norm(x);
    const queries = linear(normed, width, heads * headDim);
    const [keys, values] = [0, 1].map(() => linear(normed, width, kvHeads * headDim));
    const cache = [1, kvHeads, capacity, headDim];
    const pasts = ["key", "value"].map((part) => input(`past.${layer}.${part}`, cache));
    const presents = ["key", "value"].map((part) => `present.${layer}.${part}`);
    const [attended] = g.node(
      "GroupQueryAttention",
      [queries, keys, values, ...pasts, last, total, cosines, sines],
      {
        domain: MICROSOFT,
        attributes: { num_heads: int(heads), kv_num_heads: int(kvHeads), do_rotary: int(1) },
        outputs: [`attended.${layer}`, ...presents],
      },
    );
    for (const [at, name] of presents.entries()) {
      g.output(name, name, "float32", cache);
      // Written where it was read.
      fetches[name] = feeds[pasts[at]];
    }
    x = g.op("Add", [x, linear(attended, heads * headDim, width)]);
    const asked = g.op("Reshape", [
      linear(norm(x), width, heads * headDim),
      g.ints([1, kvHeads, heads / kvHeads, headDim]),
    ]);
    const scores = g.op("MatMul", [asked, input(`cross.${layer}.key`, [1, kvHeads, headDim, source])]);
    const read = g.op("MatMul", [
      g.op("Softmax", [scores], { attributes: { axis: int(-1) } }),
      input(`cross.${layer}.value`, [1, kvHeads, source, headDim]),
    ]);
    const heard = g.op("Reshape", [read, g.ints([1, 1, heads * headDim])]);
    x = g.op("Add", [x, linear(heard, heads * headDim, width)]);
    const inner = micro("FastGelu", [linear(norm(x), width, feedForward)]);
    x = g.op("Add", [x, linear(inner, feedForward, width)]);
  }
  const logits = linear(norm(x), width, vocabularySize, false);
  g.output(
    "token",
    g.op("ArgMax", [logits], { attributes: { axis: int(-1), keepdims: int(0) } }),
    "int64",
    [1, 1],
  );
  fetches.token = new ort.Tensor("int64", new BigInt64Array(1), [1, 1]);
  return { model: encodeModel(g.build()), feeds, fetches, bytes };
}

const product = (dims) => dims.reduce((all, size) => all * size, 1);
const noise = (count, scale) => Float32Array.from({ length: count }, () => (Math.random() - 0.5) * scale);
const octets = (count) => Uint8Array.from({ length: count }, () => Math.floor(Math.random() * 256));
