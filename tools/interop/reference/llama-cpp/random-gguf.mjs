/** Writes a GGUF file of a llama-shaped model with random weights, which do not affect the speed. */
import { closeSync, openSync, writeSync } from "node:fs";
import { createRandom } from "@slm/generation";

/** Types of GGUF metadata. Source: ggml, docs/gguf.md. */
const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 };
const ALIGNMENT = 32;
const BLOCK = 32;

/** Tensor types: ggml's number, and bytes of a block of 32 weights. */
/** @typedef {{ number: number, blockBytes: number }} WeightType */

/** @type {Readonly<Record<string, WeightType>>} */
export const WEIGHT_TYPES = {
  F16: { number: 1, blockBytes: 2 * BLOCK },
  Q4_0: { number: 2, blockBytes: 2 + BLOCK / 2 },
  Q8_0: { number: 8, blockBytes: 2 + BLOCK },
};
/** @type {WeightType} */
const FLOAT32 = { number: 0, blockBytes: 4 * BLOCK };

/** About 319M parameters, the size of the models in the paper (arXiv:2501.16273). */
export const LLAMA_319M = {
  layers: 29,
  width: 960,
  feedForward: 2560,
  heads: 15,
  kvHeads: 5,
  vocabulary: 35_328,
  context: 4096,
};

/**
 * @typedef {typeof LLAMA_319M} LlamaShape
 * @typedef {{ name: string, shape: number[], type: WeightType }} RandomTensor
 */

/** @returns {Generator<RandomTensor>} */
function* tensorsOf(
  /** @type {LlamaShape} */ { layers, width, feedForward, heads, kvHeads, vocabulary },
  /** @type {WeightType} */ type,
) {
  const kvWidth = (width / heads) * kvHeads;
  yield { name: "token_embd.weight", shape: [width, vocabulary], type };
  yield { name: "output_norm.weight", shape: [width], type: FLOAT32 };
  for (let layer = 0; layer < layers; layer += 1) {
    const named = (/** @type {string} */ name, /** @type {number[]} */ shape) => ({
      name: `blk.${layer}.${name}.weight`,
      shape,
      type,
    });
    yield { ...named("attn_norm", [width]), type: FLOAT32 };
    yield named("attn_q", [width, width]);
    yield named("attn_k", [width, kvWidth]);
    yield named("attn_v", [width, kvWidth]);
    yield named("attn_output", [width, width]);
    yield { ...named("ffn_norm", [width]), type: FLOAT32 };
    yield named("ffn_gate", [width, feedForward]);
    yield named("ffn_up", [width, feedForward]);
    yield named("ffn_down", [feedForward, width]);
  }
}

const sizeOf = (/** @type {readonly number[]} */ shape) => shape.reduce((product, size) => product * size, 1);
const bytesOf = (/** @type {RandomTensor} */ { shape, type }) =>
  type === FLOAT32 ? 4 * sizeOf(shape) : (sizeOf(shape) / BLOCK) * type.blockBytes;

/** Little-endian pieces of the header. */
const u32 = (/** @type {number} */ value) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (/** @type {number} */ value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (/** @type {number} */ value) => Buffer.from(Float32Array.of(value).buffer);
const string = (/** @type {string} */ text) =>
  Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
/** @type {Readonly<Record<"uint32" | "int32" | "float32" | "string", (value: string | number) => Buffer>>} */
const VALUES = {
  uint32: (value) => u32(Number(value)),
  int32: (value) => Buffer.from(Int32Array.of(Number(value)).buffer),
  float32: (value) => f32(Number(value)),
  string: (value) => string(String(value)),
};
const entry = (
  /** @type {string} */ key,
  /** @type {keyof typeof VALUES} */ kind,
  /** @type {string | number} */ value,
) => Buffer.concat([string(key), u32(TYPE[kind]), VALUES[kind](value)]);
const list = (
  /** @type {string} */ key,
  /** @type {keyof typeof VALUES} */ kind,
  /** @type {string[] | number[]} */ values,
) =>
  Buffer.concat([
    string(key),
    u32(TYPE.array),
    u32(TYPE[kind]),
    u64(values.length),
    ...values.map((value) => VALUES[kind](value)),
  ]);

/** Kinds of SentencePiece tokens: normal 1, unknown 2, control 3, byte 6. */
function vocabularyEntries(/** @type {number} */ size) {
  const bytes = Array.from(
    { length: 256 },
    (_, at) => `<0x${at.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const special = ["<unk>", "<s>", "</s>"];
  const words = Array.from({ length: size - special.length - bytes.length }, (_, at) => `w${at}`);
  const kinds = [2, 3, 3, ...bytes.map(() => 6), ...words.map(() => 1)];
  return [
    entry("tokenizer.ggml.model", "string", "llama"),
    list("tokenizer.ggml.tokens", "string", [...special, ...bytes, ...words]),
    list(
      "tokenizer.ggml.scores",
      "float32",
      kinds.map((_, at) => -at),
    ),
    list("tokenizer.ggml.token_type", "int32", kinds),
    entry("tokenizer.ggml.bos_token_id", "uint32", 1),
    entry("tokenizer.ggml.eos_token_id", "uint32", 2),
    entry("tokenizer.ggml.unknown_token_id", "uint32", 0),
  ];
}

/** A tensor's bytes: quantized blocks with small scales and random codes; norms are ones. */
function contents(/** @type {RandomTensor} */ tensor, /** @type {{ next: () => number }} */ random) {
  const bytes = Buffer.alloc(bytesOf(tensor));
  if (tensor.type === FLOAT32) {
    new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).fill(1);
    return bytes;
  }
  if (tensor.type === WEIGHT_TYPES["F16"]) {
    // Random sign, magnitude from 2^-10 to 2^-9.
    for (let at = 0; at < bytes.length; at += 2)
      bytes.writeUInt16LE(0x1400 | (Math.floor(random.next() * 2 ** 16) & 0x83ff), at);
    return bytes;
  }
  for (let at = 0; at + 4 <= bytes.length; at += 4)
    bytes.writeUInt32LE(Math.floor(random.next() * 2 ** 32), at);
  // A scale of 2^-10 as float16, the same for every block.
  for (let at = 0; at < bytes.length; at += tensor.type.blockBytes) bytes.writeUInt16LE(0x1400, at);
  return bytes;
}

/** @returns parameters and size of the file */
export function writeRandomGguf(
  /** @type {string} */ path,
  /** @type {LlamaShape} */ shape,
  /** @type {string} */ typeName,
) {
  const type = WEIGHT_TYPES[typeName];
  if (type === undefined)
    throw new Error(`type: expected one of ${Object.keys(WEIGHT_TYPES).join(", ")}, got ${typeName}`);
  const tensors = [...tensorsOf(shape, type)];
  const { layers, width, feedForward, heads, kvHeads, vocabulary, context } = shape;
  const metadata = [
    entry("general.architecture", "string", "llama"),
    entry("general.name", "string", "random"),
    entry("llama.context_length", "uint32", context),
    entry("llama.embedding_length", "uint32", width),
    entry("llama.block_count", "uint32", layers),
    entry("llama.feed_forward_length", "uint32", feedForward),
    entry("llama.attention.head_count", "uint32", heads),
    entry("llama.attention.head_count_kv", "uint32", kvHeads),
    entry("llama.attention.layer_norm_rms_epsilon", "float32", 1e-5),
    entry("llama.rope.freq_base", "float32", 10_000),
    entry("llama.vocab_size", "uint32", vocabulary),
    ...vocabularyEntries(vocabulary),
  ];
  const aligned = (/** @type {number} */ size) => Math.ceil(size / ALIGNMENT) * ALIGNMENT;
  let offset = 0;
  const infos = tensors.map((tensor) => {
    const info = [
      string(tensor.name),
      u32(tensor.shape.length),
      ...tensor.shape.map(u64),
      u32(tensor.type.number),
      u64(offset),
    ];
    offset += aligned(bytesOf(tensor));
    return Buffer.concat(info);
  });
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata,
    ...infos,
  ]);
  const random = createRandom(1);
  const file = openSync(path, "w");
  try {
    writeSync(file, Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length)]));
    for (const tensor of tensors) {
      const bytes = contents(tensor, random);
      writeSync(file, Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)]));
    }
  } finally {
    closeSync(file);
  }
  return { parameters: tensors.reduce((sum, tensor) => sum + sizeOf(tensor.shape), 0) };
}
