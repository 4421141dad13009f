/** Builds files in Marian's formats, well-formed and malformed, for tests. */

export interface MarianItem {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const [INT8, FLOAT32] = [0x0101, 0x0404];
export const INTGEMM8 = 0x4101;

export const floats = (name: string, shape: readonly number[], values: readonly number[]): MarianItem => ({
  name,
  type: FLOAT32,
  shape,
  data: padded(new Uint8Array(Float32Array.from(values).buffer)),
});

/** Integers, and the factor that numbers were multiplied by. */
export function integers(
  name: string,
  shape: readonly number[],
  values: readonly number[],
  factor: number,
): MarianItem {
  const data = new Uint8Array(values.length + 4);
  data.set(Int8Array.from(values));
  new DataView(data.buffer).setFloat32(values.length, factor, true);
  return { name, type: INTGEMM8, shape, data: padded(data) };
}

export function settingsItem(settings: string): MarianItem {
  const data = new TextEncoder().encode(`${settings}\0`);
  return { name: "special:model.yml", type: INT8, shape: [data.length], data };
}

/** Data of an item starts at a multiple of this. */
const ALIGNMENT = 256;

function padded(data: Uint8Array): Uint8Array {
  const longer = new Uint8Array(Math.ceil(data.length / ALIGNMENT) * ALIGNMENT);
  longer.set(data);
  return longer;
}

/** A whole file. */
export function marianBytes(items: readonly MarianItem[], version = 1n): Buffer {
  const u64 = (value: number | bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const head = Buffer.concat([
    u64(version),
    u64(items.length),
    ...items.flatMap(({ name, type, shape, data }) =>
      [name.length + 1, type, shape.length, data.length].map(u64),
    ),
    ...items.map(({ name }) => Buffer.from(`${name}\0`, "latin1")),
    ...items.map(({ shape }) => Buffer.from(Int32Array.from(shape).buffer)),
  ]);
  const padding = (ALIGNMENT - ((head.length + 8) % ALIGNMENT)) % ALIGNMENT;
  return Buffer.concat([head, u64(padding), Buffer.alloc(padding), ...items.map(({ data }) => data)]);
}

/** A shortlist: target tokens for each source token. */
export function shortlistBytes(
  lists: readonly (readonly number[])[],
  { first = 2, best = 2, magic = 0xf11a48d5013417f5n } = {},
): Buffer {
  const tokens = lists.flat();
  const offsets = lists.reduce<number[]>((all, list) => [...all, all.at(-1)! + list.length], [0]);
  const header = [magic, 0, first, best, offsets.length, tokens.length];
  const numbers = BigUint64Array.from([...header, ...offsets].map(BigInt));
  return Buffer.concat([Buffer.from(numbers.buffer), Buffer.from(Uint32Array.from(tokens).buffer)]);
}

/** Small settings of a model like Firefox's. */
export const TINY_SETTINGS = `dim-emb: 8
enc-depth: 2
dec-depth: 1
transformer-heads: 2
transformer-dim-ffn: 12
transformer-ffn-activation: relu
type: transformer
transformer-decoder-autoreg: rnn
dec-cell: ssru
transformer-preprocess: ""
transformer-postprocess: dan
transformer-postprocess-emb: d
transformer-postprocess-top: ""
transformer-ffn-depth: 2
transformer-tied-layers:
  []
transformer-train-position-embeddings: false
tied-embeddings-all: true
layer-normalization: false
output-omit-bias: false
right-left: false
skip: false
ulr: false
lemma-dim-emb: 0
input-types:
  []
version: v1.9.56
`;

/** All tensors of a model with {@link TINY_SETTINGS} and a vocabulary of 6 tokens: 8-bit matrices, float32 vectors. */
export function tinyModel(vocabulary = 6): readonly MarianItem[] {
  let next = 0;
  const codes = (count: number): number[] =>
    Array.from({ length: count }, () => ((next++ * 7919) % 255) - 127);
  const numbers = (count: number): number[] => codes(count).map((code) => code / 256);
  const matrix = (name: string, inputs: number, outputs: number): MarianItem =>
    integers(name, [inputs, outputs], codes(inputs * outputs), 200);
  const vector = (name: string, size: number): MarianItem => floats(name, [1, size], numbers(size));
  const norm = (name: string): MarianItem[] => [
    floats(
      `${name}_ln_scale`,
      [1, WIDTH],
      numbers(WIDTH).map((value) => 1 + value),
    ),
    vector(`${name}_ln_bias`, WIDTH),
  ];
  const attention = (name: string): MarianItem[] => [
    ..."qkvo"
      .split("")
      .flatMap((part) => [matrix(`${name}_W${part}`, WIDTH, WIDTH), vector(`${name}_b${part}`, WIDTH)]),
    floats(`${name}_Wk_QuantMultA`, [1, 1], [15]),
    ...norm(`${name}_Wo`),
  ];
  const feedForward = (layer: string): MarianItem[] => [
    matrix(`${layer}_ffn_W1`, WIDTH, INNER),
    vector(`${layer}_ffn_b1`, INNER),
    matrix(`${layer}_ffn_W2`, INNER, WIDTH),
    vector(`${layer}_ffn_b2`, WIDTH),
    ...norm(`${layer}_ffn_ffn`),
  ];
  return [
    integers("Wemb", [vocabulary, WIDTH], codes(vocabulary * WIDTH), 150),
    vector("decoder_ff_logit_out_b", vocabulary),
    ...["encoder_l1", "encoder_l2"].flatMap((layer) => [
      ...attention(`${layer}_self`),
      ...feedForward(layer),
    ]),
    matrix("decoder_l1_rnn_W", WIDTH, WIDTH),
    matrix("decoder_l1_rnn_Wf", WIDTH, WIDTH),
    vector("decoder_l1_rnn_bf", WIDTH),
    ...norm("decoder_l1_rnn_ffn"),
    ...attention("decoder_l1_context"),
    ...feedForward("decoder_l1"),
    settingsItem(TINY_SETTINGS),
  ];
}

const [WIDTH, INNER] = [8, 12];
